"""Views of commands that run or ran."""

from __future__ import annotations

from ..params.executions import ExecutionStatus
from .base import View


class DevboxAsyncExecutionDetailView(View):
    """A command: its status and, once completed, its outcome."""

    devbox_id: str
    execution_id: str
    status: ExecutionStatus | str
    exit_status: int | None = None
    shell_name: str | None = None
    stderr: str | None = None
    stderr_truncated: bool | None = None
    stdout: str | None = None
    stdout_truncated: bool | None = None


class DevboxExecutionDetailView(View):
    """The outcome of a command that ran within one request."""

    devbox_id: str
    exit_status: int
    stderr: str
    stdout: str
    shell_name: str | None = None


class DevboxSendStdInResult(View):
    """Whether standard input was delivered."""

    devbox_id: str
    execution_id: str
    success: bool


class ExecutionUpdateChunk(View):
    """A piece of a command's output."""

    output: str
    offset: int | None = None
    """Bytes of output up to the end of this piece: where a resumed stream continues."""
