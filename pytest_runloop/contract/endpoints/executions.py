"""Commands in a devbox: starting, following, feeding and ending them."""

from __future__ import annotations

from ..endpoint import EventStream, Json, Lane, get, post
from ..params import executions as params
from ..views.executions import (
    DevboxAsyncExecutionDetailView,
    DevboxExecutionDetailView,
    DevboxSendStdInResult,
    ExecutionUpdateChunk,
)

_EXECUTION = Json(view=DevboxAsyncExecutionDetailView)
_UPDATES = EventStream(view=ExecutionUpdateChunk)

EXECUTE = post(
    "/v1/devboxes/{id}/execute",
    _EXECUTION,
    params.DevboxExecuteParams,
    query=("last_n",),
    lane=Lane.BACKGROUND,
    slow=True,
)
EXECUTE_ASYNC = post("/v1/devboxes/{id}/execute_async", _EXECUTION, params.DevboxExecuteAsyncParams)
EXECUTE_SYNC = post(
    "/v1/devboxes/{id}/execute_sync",
    Json(view=DevboxExecutionDetailView),
    params.DevboxExecuteSyncParams,
    lane=Lane.BACKGROUND,
    slow=True,
)
RETRIEVE = get(
    "/v1/devboxes/{devbox_id}/executions/{execution_id}", _EXECUTION, params.ExecutionRetrieveParams
)
WAIT_FOR_STATUS = post(
    "/v1/devboxes/{devbox_id}/executions/{execution_id}/wait_for_status",
    _EXECUTION,
    params.ExecutionWaitParams,
    query=("last_n",),
    lane=Lane.BACKGROUND,
)
KILL = post("/v1/devboxes/{devbox_id}/executions/{execution_id}/kill", _EXECUTION, params.ExecutionKillParams)
SEND_STD_IN = post(
    "/v1/devboxes/{devbox_id}/executions/{execution_id}/send_std_in",
    Json(view=DevboxSendStdInResult),
    params.ExecutionSendStdInParams,
)
STREAM_STDOUT_UPDATES = get(
    "/v1/devboxes/{devbox_id}/executions/{execution_id}/stream_stdout_updates",
    _UPDATES,
    params.ExecutionStreamParams,
    lane=Lane.BACKGROUND,
)
STREAM_STDERR_UPDATES = get(
    "/v1/devboxes/{devbox_id}/executions/{execution_id}/stream_stderr_updates",
    _UPDATES,
    params.ExecutionStreamParams,
    lane=Lane.BACKGROUND,
)
