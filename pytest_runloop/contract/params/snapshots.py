"""Parameters of the disk snapshot calls."""

from __future__ import annotations

from collections.abc import Mapping

from typing_extensions import TypedDict

from ._strict import strict
from .devboxes import Limit


@strict
class DiskSnapshotListParams(TypedDict, total=False):
    """Which snapshots to list, newest first. Further keys `metadata[KEY]` filter by metadata."""

    devbox_id: str
    include_total_count: bool
    limit: Limit
    metadata_key: str
    metadata_key_in: str
    source_blueprint_id: str
    starting_after: str


DevboxListDiskSnapshotsParams = DiskSnapshotListParams


@strict
class DiskSnapshotUpdateParams(TypedDict, total=False):
    """What can be changed of a snapshot; what is left out is kept."""

    commit_message: str | None
    metadata: Mapping[str, str] | None
    name: str | None
