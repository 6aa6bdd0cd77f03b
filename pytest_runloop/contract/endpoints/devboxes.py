"""Devboxes: their life, their files, their logs."""

from __future__ import annotations

from ..endpoint import Binary, Empty, EventStream, Json, Lane, Page, Text, get, post
from ..params import devboxes as params
from ..views.devboxes import (
    DevboxEvictionEventView,
    DevboxListView,
    DevboxLog,
    DevboxLogsListView,
    DevboxResourceUsageView,
    DevboxView,
)
from ..views.executions import DevboxExecutionDetailView
from ..views.snapshots import DevboxSnapshotView
from ..views.ssh import DevboxCreateSSHKeyResponse

_DEVBOX = Json(view=DevboxView)
_SNAPSHOT = Json(view=DevboxSnapshotView)

CREATE = post("/v1/devboxes", _DEVBOX, params.DevboxCreateParams)
CREATE_AND_AWAIT_RUNNING = post(
    "/v1/devboxes/create_and_await_running", _DEVBOX, params.DevboxCreateParams, lane=Lane.BACKGROUND
)
LIST = get("/v1/devboxes", Page(view=DevboxListView, items="devboxes"), params.DevboxListParams)
RETRIEVE = get("/v1/devboxes/{id}", _DEVBOX)
UPDATE = post("/v1/devboxes/{id}", _DEVBOX, params.DevboxUpdateParams)
WAIT_FOR_STATUS = post(
    "/v1/devboxes/{id}/wait_for_status", _DEVBOX, params.DevboxWaitForStatusParams, lane=Lane.BACKGROUND
)
SHUTDOWN = post("/v1/devboxes/{id}/shutdown", _DEVBOX, params.DevboxShutdownParams, query=("force",))
SUSPEND = post("/v1/devboxes/{id}/suspend", _DEVBOX)
RESUME = post("/v1/devboxes/{id}/resume", _DEVBOX)
KEEP_ALIVE = post("/v1/devboxes/{id}/keep_alive", Empty())
CREATE_SSH_KEY = post("/v1/devboxes/{id}/create_ssh_key", Json(view=DevboxCreateSSHKeyResponse))
LOGS = get("/v1/devboxes/{id}/logs", Json(view=DevboxLogsListView), params.DevboxLogsListParams)
TAIL_LOGS = get(
    "/v1/devboxes/{id}/logs/tail",
    EventStream(view=DevboxLog),
    params.DevboxLogsListParams,
    lane=Lane.BACKGROUND,
)
WATCH_EVICTIONS = get(
    "/v1/devboxes/evictions/watch", EventStream(view=DevboxEvictionEventView), lane=Lane.BACKGROUND
)
USAGE = get("/v1/devboxes/{id}/usage", Json(view=DevboxResourceUsageView))

READ_FILE_CONTENTS = post(
    "/v1/devboxes/{id}/read_file_contents", Text(), params.DevboxReadFileContentsParams, slow=True
)
WRITE_FILE_CONTENTS = post(
    "/v1/devboxes/{id}/write_file_contents",
    Json(view=DevboxExecutionDetailView),
    params.DevboxWriteFileContentsParams,
    slow=True,
)
UPLOAD_FILE = post(
    "/v1/devboxes/{id}/upload_file",
    Empty(),
    params.DevboxUploadFileParams,
    upload="file",
    lane=Lane.TRANSFER,
    slow=True,
)
DOWNLOAD_FILE = post(
    "/v1/devboxes/{id}/download_file",
    Binary(),
    params.DevboxDownloadFileParams,
    lane=Lane.TRANSFER,
    slow=True,
)

SNAPSHOT_DISK = post("/v1/devboxes/{id}/snapshot_disk", _SNAPSHOT, params.DevboxSnapshotDiskParams, slow=True)
SNAPSHOT_DISK_ASYNC = post(
    "/v1/devboxes/{id}/snapshot_disk_async", _SNAPSHOT, params.DevboxSnapshotDiskAsyncParams
)
