"""Views of disk snapshots."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import ListView, View

SnapshotStatus = Literal["in_progress", "complete", "error", "deleted"]


class DevboxSnapshotView(View):
    """A snapshot of a devbox's disk."""

    id: str
    create_time_ms: int
    source_devbox_id: str
    metadata: dict[str, str] = Field(default_factory=dict)
    commit_message: str | None = None
    name: str | None = None
    size_bytes: int | None = None
    source_blueprint_id: str | None = None


class DevboxSnapshotListView(ListView):
    """A page of snapshots."""

    snapshots: list[DevboxSnapshotView]


class DevboxSnapshotAsyncStatusView(View):
    """How far a snapshot is."""

    status: SnapshotStatus | str
    error_message: str | None = None
    snapshot: DevboxSnapshotView | None = None
