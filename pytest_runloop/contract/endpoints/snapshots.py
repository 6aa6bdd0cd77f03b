"""Disk snapshots. There is no call that reads a single one: its status carries it."""

from __future__ import annotations

from ..endpoint import Empty, Json, Page, get, post
from ..params import snapshots as params
from ..views.snapshots import DevboxSnapshotAsyncStatusView, DevboxSnapshotListView, DevboxSnapshotView

_SNAPSHOTS = Page(view=DevboxSnapshotListView, items="snapshots")
_WIRE = {"metadata_key": "metadata[key]", "metadata_key_in": "metadata[key][in]"}

LIST = get("/v1/devboxes/disk_snapshots", _SNAPSHOTS, params.DiskSnapshotListParams, wire=_WIRE)
LIST_PUBLIC = get(
    "/v1/devboxes/disk_snapshots/list_public", _SNAPSHOTS, params.DiskSnapshotListParams, wire=_WIRE
)
UPDATE = post(
    "/v1/devboxes/disk_snapshots/{id}", Json(view=DevboxSnapshotView), params.DiskSnapshotUpdateParams
)
DELETE = post("/v1/devboxes/disk_snapshots/{id}/delete", Empty())
STATUS = get("/v1/devboxes/disk_snapshots/{id}/status", Json(view=DevboxSnapshotAsyncStatusView))
