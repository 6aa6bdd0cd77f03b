"""Commands in devboxes."""

from __future__ import annotations

from ...contract.endpoints import executions as endpoints
from ...contract.views.executions import (
    DevboxAsyncExecutionDetailView,
    DevboxExecutionDetailView,
    DevboxSendStdInResult,
)
from ..backend import Backend
from ..calls import Call
from ..commands import Request
from ..errors import ApiError, invalid
from ..executions import DEFAULT_LAST_N, Execution
from ..notice import hold
from ..output import Output
from ..stream import OutputStream
from ._table import Table
from ._waits import lines_wanted, seconds_to_hold

HANDLES = Table()
_ALL_LINES = 10**9


def _execution(backend: Backend, call: Call) -> Execution:
    return backend.devbox(call.ids["devbox_id"]).executions.get(call.ids["execution_id"])


async def _started(backend: Backend, call: Call) -> Execution:
    params = call.params
    request = Request(params["command"], bool(params.get("attach_stdin")), params.get("shell_name"))
    return await backend.commands.start(backend.life(call.id), request)


async def _view(backend: Backend, call: Call, execution: Execution) -> DevboxAsyncExecutionDetailView:
    return await execution.view(lines_wanted(call, DEFAULT_LAST_N), backend.settings.tail_max)


@HANDLES(endpoints.EXECUTE)
async def execute(backend: Backend, call: Call) -> DevboxAsyncExecutionDetailView:
    """Start a command and wait a while for its end.

    The id of the caller's is not used: some clients send the same one with different commands.
    """
    settings = backend.settings
    wanted = call.params.get("optimistic_timeout")
    seconds = settings.execution_hold if wanted is None else wanted
    if not 0 <= seconds <= settings.optimistic_timeout_max:
        raise invalid(f"`optimistic_timeout` must be 0 to {settings.optimistic_timeout_max}, not {wanted}")
    lines_wanted(call, DEFAULT_LAST_N)
    execution = await _started(backend, call)
    seconds = min(seconds, settings.execution_hold)
    await hold(backend.clock, execution.changed, lambda: execution.completed, seconds)
    return await _view(backend, call, execution)


@HANDLES(endpoints.EXECUTE_ASYNC)
async def execute_async(backend: Backend, call: Call) -> DevboxAsyncExecutionDetailView:
    """Start a command."""
    return await _view(backend, call, await _started(backend, call))


@HANDLES(endpoints.EXECUTE_SYNC)
async def execute_sync(backend: Backend, call: Call) -> DevboxExecutionDetailView:
    """Run a command to its end."""
    execution = await _started(backend, call)
    await hold(backend.clock, execution.changed, lambda: execution.completed, None)
    stdout = await execution.stdout.tail(_ALL_LINES, backend.settings.sync_tail_max)
    stderr = await execution.stderr.tail(_ALL_LINES, backend.settings.sync_tail_max)
    assert execution.exit_status is not None
    # The API's view has no place for the truncation; it is said nevertheless.
    return DevboxExecutionDetailView.model_validate(
        {
            "devbox_id": execution.devbox_id,
            "exit_status": execution.exit_status,
            "stdout": stdout.text,
            "stderr": stderr.text,
            "stdout_truncated": stdout.truncated,
            "stderr_truncated": stderr.truncated,
            "shell_name": execution.shell_name,
        }
    )


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> DevboxAsyncExecutionDetailView:
    """Return an execution."""
    return await _view(backend, call, _execution(backend, call))


@HANDLES(endpoints.WAIT_FOR_STATUS)
async def wait_for_status(backend: Backend, call: Call) -> DevboxAsyncExecutionDetailView:
    """Answer as soon as the execution has one of the statuses, and only then."""
    execution = _execution(backend, call)
    statuses = call.params["statuses"]
    if not statuses:
        raise invalid("`statuses` is empty: name at least one")
    hold_max = backend.settings.execution_hold
    seconds = seconds_to_hold(call, hold_max, hold_max)
    if not await hold(backend.clock, execution.changed, lambda: execution.status in statuses, seconds):
        message = f"execution {execution.id} is in status `{execution.status}` after {seconds:g} s"
        # Clients of 2025 wait for long commands by repeating this very request.
        raise ApiError(408, "timed_out", message, retry=True)
    return await _view(backend, call, execution)


@HANDLES(endpoints.KILL)
async def kill(backend: Backend, call: Call) -> DevboxAsyncExecutionDetailView:
    """Kill a command; a completed one stays as it is."""
    execution = _execution(backend, call)
    execution.kill(group=bool(call.params.get("kill_process_group")))
    return await execution.view(DEFAULT_LAST_N, backend.settings.tail_max)


@HANDLES(endpoints.SEND_STD_IN)
async def send_std_in(backend: Backend, call: Call) -> DevboxSendStdInResult:
    """Send text, the end of the input, or Ctrl-C."""
    execution = _execution(backend, call)
    text, signal = call.params.get("text"), call.params.get("signal")
    if text is None and signal is None:
        raise invalid("neither `text` nor `signal` is given")
    sent = execution.send(text, signal)
    return DevboxSendStdInResult(devbox_id=execution.devbox_id, execution_id=execution.id, success=sent)


@HANDLES(endpoints.STREAM_STDOUT_UPDATES)
async def stream_stdout(backend: Backend, call: Call) -> OutputStream:
    """Stream what the command prints."""
    return _stream(backend, call, _execution(backend, call).stdout)


@HANDLES(endpoints.STREAM_STDERR_UPDATES)
async def stream_stderr(backend: Backend, call: Call) -> OutputStream:
    """Stream what the command prints to standard error."""
    return _stream(backend, call, _execution(backend, call).stderr)


def _stream(backend: Backend, call: Call, output: Output) -> OutputStream:
    text = call.params.get("offset", "0")
    if not (text.isascii() and text.isdigit()):
        raise invalid(f"`offset` must be a number of bytes, not `{text}`")
    return OutputStream(output, int(text[:18]), backend.clock, backend.settings.stream_keep_alive)
