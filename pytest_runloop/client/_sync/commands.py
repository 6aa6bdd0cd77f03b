# Generated from ../_async/commands.py by scripts/unasync.py: change that file, and run the script.
"""Running commands in a devbox."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from ...contract.endpoints import executions
from ..answers import without
from ..errors import APIStatusError, RequestInfo, RunloopError, hide_from_traceback
from ..marks import CommandLimit, marked
from ..requests import options_of
from .execution import Execution
from .followers import Followers, callbacks_in
from .results import ExecutionResult
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKDevboxExecuteAsyncParams, SDKDevboxExecuteParams

__tracebackhide__ = hide_from_traceback

_WAITING: Final = ("polling_config", "timeout", "request_timeout")
"""What is about the wait for a command, not about its start."""


class CommandInterface:
    """The commands of one devbox; `devbox.cmd`.

    :param transport: the client's.
    :param devbox_id: whose.
    """

    def __init__(self, transport: Transport, devbox_id: str) -> None:
        self._transport = transport
        self._devbox_id = devbox_id

    def exec(self, command: str, **params: Unpack[SDKDevboxExecuteParams]) -> ExecutionResult:
        """Run a command and wait for its end.

        :param command: run by a login shell from the user's home.
        :param params: `stdout`, `stderr` and `output` are called with pieces of output as they come;
            `timeout` says how many seconds it may run, counted from when the service took it: then it is
            ended with everything that it started. Without it, `polling_config` says how long to wait for it,
            120 s by default. `request_timeout` is that of a single request.
        :raises CommandTimeoutError: if it did not end in its `timeout`. A named shell ends with it; the next
            command gets a new one.
        :raises CommandStillRunningError: if it still runs after the wait that `polling_config` allows.

        What interrupts the wait from outside (Ctrl-C, a cancelled task, pytest-timeout) ends the command's
        process group.
        """
        limit = CommandLimit.of(params.get("timeout"))
        options = options_of(params, "extra_headers", "extra_query")
        starting = {k: v for k, v in params.items() if k not in _WAITING}
        if "request_timeout" in params:
            starting["timeout"] = params["request_timeout"]
        if limit is not None:
            # As a further key of the body: whoever observes the call sees the command as the caller gave it.
            extra = params.get("extra_body") or {}
            starting["extra_body"] = {**extra, "command": marked(command, limit.mark)}
        execution = self._started(command, starting)
        try:
            if limit is not None:
                return execution.result_within(limit, params.get("polling_config"), options)
            return execution.result(**options_of(params, "polling_config"), **options)
        except BaseException as error:
            execution.stop_following()
            if not isinstance(error, RunloopError | GeneratorExit):
                execution.interrupted(error, limit)
            raise

    def exec_async(self, command: str, **params: Unpack[SDKDevboxExecuteAsyncParams]) -> Execution:
        """Start a command.

        :param command: run by a login shell from the user's home.
        :param params: as for `exec`; `attach_stdin=True` lets `send_std_in` write to it.
        """
        return self._started(command, dict(params))

    def execution(self, execution_id: str) -> Execution:
        """Return the handle of a command that was started before, by its id."""
        return self._handle(execution_id, "", {})

    def _started(self, command: str, params: dict[str, Any]) -> Execution:
        callbacks = callbacks_in(params)
        path = {"id": self._devbox_id}
        try:
            view = self._transport.call(executions.EXECUTE_ASYNC, path, {"command": command, **params})
        except APIStatusError as error:
            if params.get("shell_name") and error.status_code in (400, 422):
                error.add_note(
                    "Named shells left Runloop's service in October 2026; the local backend has them."
                )
            raise
        if not view.execution_id:
            raise without(
                "execution_id", RequestInfo("POST", f"/v1/devboxes/{self._devbox_id}/execute_async")
            )
        return self._handle(view.execution_id, command, callbacks)

    def _handle(self, execution_id: str, command: str, callbacks: dict[str, list[Any]]) -> Execution:
        path = {"devbox_id": self._devbox_id, "execution_id": execution_id}
        followers = Followers(self._transport, path, callbacks)
        return Execution(self._transport, path, command, followers)


class NamedShell:
    """A shell that keeps its directory and variables between commands, and runs them one after another.

    :param commands: the devbox's.
    :param name: its name; a new one makes a new shell.
    """

    def __init__(self, commands: CommandInterface, name: str | None = None) -> None:
        self._commands = commands
        self.name = name or f"shell-{uuid.uuid4()}"

    def exec(self, command: str, **params: Unpack[SDKDevboxExecuteParams]) -> ExecutionResult:
        """Run a command in this shell and wait for its end; as `devbox.cmd.exec`."""
        params["shell_name"] = self.name
        return self._commands.exec(command, **params)

    def exec_async(self, command: str, **params: Unpack[SDKDevboxExecuteAsyncParams]) -> Execution:
        """Start a command in this shell; as `devbox.cmd.exec_async`."""
        params["shell_name"] = self.name
        return self._commands.exec_async(command, **params)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
