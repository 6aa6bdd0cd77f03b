"""Parameters of the calls that run and follow commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Required

from typing_extensions import TypedDict

from ._strict import strict

ExecutionStatus = Literal["queued", "running", "completed"]
StdInSignal = Literal["EOF", "INTERRUPT"]


@strict
class DevboxExecuteOptions(TypedDict, total=False):
    """How a command is started."""

    attach_stdin: bool | None
    """Keep standard input open for `send_std_in`."""
    shell_name: str | None
    """A persistent shell, made on first use (gone from the service of October 2026)."""


@strict
class DevboxExecuteAsyncParams(DevboxExecuteOptions, total=False):
    """A command to start."""

    command: Required[str]
    """Run by a login shell from the user's home, or by the named shell where that one stands."""


@strict
class DevboxExecuteSyncParams(DevboxExecuteAsyncParams, total=False):
    """A command to run to its end within one request."""


@strict
class DevboxExecuteParams(TypedDict, total=False):
    """A command to start under an id of the caller's, and to wait for a while."""

    command: Required[str]
    command_id: Required[str]
    """A UUIDv7."""
    last_n: str
    """How many trailing lines of each output to return; default 100."""
    optimistic_timeout: int | None
    """Seconds to wait for the end; the command itself goes on."""
    shell_name: str | None


@strict
class ExecutionRetrieveParams(TypedDict, total=False):
    """How much of an execution's output to return."""

    last_n: str


@strict
class ExecutionWaitParams(TypedDict, total=False):
    """Which statuses to wait for, and how long the service may hold the answer."""

    statuses: Required[Sequence[ExecutionStatus]]
    last_n: str
    timeout_seconds: float | None
    """Seconds; the service holds for 25 by default and at the most."""


@strict
class DevboxWaitForCommandParams(ExecutionWaitParams, total=False):
    """A command to wait for, as the SDK names it: with its devbox, which travels in the path."""

    devbox_id: Required[str]


@strict
class ExecutionKillParams(TypedDict, total=False):
    """What to kill."""

    kill_process_group: bool | None
    """The whole process group instead of the command's process alone."""


@strict
class ExecutionSendStdInParams(TypedDict, total=False):
    """What to send to a command's standard input."""

    signal: StdInSignal | None
    text: str | None


@strict
class ExecutionStreamParams(TypedDict, total=False):
    """Where a stream of output starts."""

    offset: str
    """Bytes of output to pass over."""
