"""Disk snapshots."""

from __future__ import annotations

import asyncio

from ...contract.endpoints import devboxes as devbox_endpoints
from ...contract.endpoints import snapshots as endpoints
from ...contract.views.snapshots import (
    DevboxSnapshotAsyncStatusView,
    DevboxSnapshotListView,
    DevboxSnapshotView,
)
from ..backend import Backend
from ..calls import Call
from ..errors import ApiError
from ..pages import paged
from ._table import Table

HANDLES = Table()


@HANDLES(devbox_endpoints.SNAPSHOT_DISK)
async def snapshot_disk(backend: Backend, call: Call) -> DevboxSnapshotView:
    """Take a snapshot, and answer when it is complete."""
    record, task = backend.snapshots.take(backend.life(call.id), call.params)
    await asyncio.shield(task)
    record = backend.snapshots.get(record.id)
    if record.status == "error":
        raise ApiError(500, "snapshot_failed", record.error_message or "the snapshot failed", retry=False)
    return record.view


@HANDLES(devbox_endpoints.SNAPSHOT_DISK_ASYNC)
async def snapshot_disk_async(backend: Backend, call: Call) -> DevboxSnapshotView:
    """Begin a snapshot."""
    record, _ = backend.snapshots.take(backend.life(call.id), call.params)
    return record.view


@HANDLES(endpoints.LIST)
async def list_snapshots(backend: Backend, call: Call) -> DevboxSnapshotListView:
    """List snapshots."""
    page = paged(backend.snapshots.matching(call.params, call.filters), call.params)
    return DevboxSnapshotListView(snapshots=page.items, **page.counts)


@HANDLES(endpoints.LIST_PUBLIC)
async def list_public_snapshots(backend: Backend, call: Call) -> DevboxSnapshotListView:
    """List public snapshots: Runloop publishes them, and so a backend of one's own has none."""
    page = paged(list[DevboxSnapshotView](), call.params)
    return DevboxSnapshotListView(snapshots=page.items, **page.counts)


@HANDLES(endpoints.UPDATE)
async def update(backend: Backend, call: Call) -> DevboxSnapshotView:
    """Change what is given, and keep the rest."""
    return backend.snapshots.update(call.id, call.params)


@HANDLES(endpoints.DELETE)
async def delete(backend: Backend, call: Call) -> None:
    """Delete a snapshot."""
    await backend.snapshots.delete(call.id)


@HANDLES(endpoints.STATUS)
async def status(backend: Backend, call: Call) -> DevboxSnapshotAsyncStatusView:
    """Return how far a snapshot is."""
    return backend.snapshots.status(call.id)
