"""Commands in a devbox: their state, their outputs, their input."""

from __future__ import annotations

import os
import signal
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..contract.params.executions import ExecutionStatus
from ..contract.views.executions import DevboxAsyncExecutionDetailView
from .bash import login_shell
from .engine.protocol import Box, Process
from .errors import ApiError, not_found
from .notice import Notice
from .output import Output
from .processes import KILLED, Running, start
from .settings import Settings
from .stdin import StdIn

DEFAULT_LAST_N = 100


@dataclass(slots=True)
class Execution:
    """A command: queued, running or completed."""

    id: str
    devbox_id: str
    command: str
    stdout: Output
    stderr: Output
    shell_name: str | None = None
    status: ExecutionStatus = "queued"
    exit_status: int | None = None
    process: Process | None = None
    stdin: StdIn | None = None
    changed: Notice = field(default_factory=Notice)

    @property
    def completed(self) -> bool:
        """Whether its outcome is final."""
        return self.status == "completed"

    def started(self, process: Process) -> None:
        """Note that its process runs. One that was killed before stays completed."""
        if self.completed:
            return
        self.process = process
        self.status = "running"
        self.changed.ring()

    def complete(self, exit_status: int) -> None:
        """Note its outcome. No effect on one that is completed."""
        if self.completed:
            return
        self.exit_status = exit_status
        self.status = "completed"
        if self.stdin is not None:
            self.stdin.close()
        self.stdout.close()
        self.stderr.close()
        self.changed.ring()

    def kill(self, *, group: bool) -> None:
        """Kill its process. One that waits for its shell is completed at once; no effect on a completed one.

        :param group: the whole process group. What runs in a named shell is part of that shell: its
            group is killed in any case, and the shell with it.
        """
        if self.status == "queued":
            self.complete(KILLED)
        elif self.process is not None and not self.completed:
            self.process.signal(signal.SIGKILL, group=group or self.shell_name is not None)

    def send(self, text: str | None, signal_name: str | None) -> bool:
        """Send to its standard input.

        :return: whether it could still get it.
        :raises ApiError: if it has no standard input.
        """
        if self.completed:
            return False
        if signal_name == "INTERRUPT" and text is None:
            return self._interrupt()
        if self.stdin is None:
            message = f"execution {self.id} has no standard input: start it with `attach_stdin: true`"
            raise ApiError(400, "invalid_request", message)
        if not self.stdin.open:
            return False
        self._feed(self.stdin, text, signal_name)
        return True

    def _feed(self, stdin: StdIn, text: str | None, signal_name: str | None) -> None:
        if text is not None:
            stdin.send(text.encode())
        if signal_name == "EOF":
            stdin.end()
        elif signal_name == "INTERRUPT":
            self._interrupt()

    def _interrupt(self) -> bool:
        # A terminal's Ctrl-C reaches a program that does not read its input, too.
        if self.process is None:
            return False
        self.process.signal(signal.SIGINT, group=True)
        return True

    async def view(self, last_n: int, limit: int) -> DevboxAsyncExecutionDetailView:
        """Return its view. The outputs are in it once it is completed."""
        view = DevboxAsyncExecutionDetailView(
            devbox_id=self.devbox_id,
            execution_id=self.id,
            status=self.status,
            exit_status=self.exit_status,
            shell_name=self.shell_name,
        )
        if self.completed:
            view.stdout, view.stdout_truncated = await self.stdout.tail(last_n, limit)
            view.stderr, view.stderr_truncated = await self.stderr.tail(last_n, limit)
        return view


async def run_alone(
    execution: Execution, box: Box, extra: Mapping[str, str], *, attach_stdin: bool
) -> Running:
    """Start an execution as a login shell of its own.

    :param extra: the devbox's environment variables.
    :param attach_stdin: keep its standard input open.
    """
    argv = await login_shell(box, execution.command, extra)
    if not attach_stdin:
        running = await start(box, argv, extra, execution.stdout, execution.stderr)
    else:
        running = await _with_stdin(execution, box, argv, extra)
    execution.started(running.process)
    return running


async def _with_stdin(execution: Execution, box: Box, argv: list[str], extra: Mapping[str, str]) -> Running:
    reading, writing = os.pipe()
    try:
        running = await start(box, argv, extra, execution.stdout, execution.stderr, reading)
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    execution.stdin = StdIn(writing)
    return running


class Executions:
    """All executions of a devbox; of the completed ones the last.

    :param directory: where outputs may be kept.
    """

    def __init__(self, devbox_id: str, directory: Path, settings: Settings) -> None:
        self._devbox_id = devbox_id
        self._directory = directory
        self._settings = settings
        self._known: OrderedDict[str, Execution] = OrderedDict()
        self._completed = 0

    def new(self, identifier: str, command: str, shell_name: str | None) -> Execution:
        """Return a new execution, which is not started."""
        stdout = Output(self._directory / f"{identifier}.stdout", self._settings)
        stderr = Output(self._directory / f"{identifier}.stderr", self._settings)
        execution = Execution(identifier, self._devbox_id, command, stdout, stderr, shell_name)
        self._known[identifier] = execution
        return execution

    def get(self, identifier: str) -> Execution:
        """Return an execution.

        :raises ApiError: 404 if this devbox has none of this id.
        """
        execution = self._known.get(identifier)
        if execution is None:
            raise not_found(f"execution in {self._devbox_id}", identifier)
        return execution

    def forget(self, execution: Execution) -> None:
        """Drop an execution that could not be started."""
        self._known.pop(execution.id, None)

    async def settle(self, execution: Execution) -> None:
        """Make room after an execution completed."""
        await execution.stdout.settle()
        await execution.stderr.settle()
        self._completed += 1
        while self._completed > self._settings.executions_kept:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._completed -= 1
        oldest = next((known for known in self._known.values() if known.completed), None)
        if oldest is not None:
            del self._known[oldest.id]
            oldest.stdout.discard()
            oldest.stderr.discard()

    def discard(self) -> None:
        """Drop all of them, with their files."""
        for execution in self._known.values():
            execution.stdout.discard()
            execution.stderr.discard()
        self._known.clear()

    def kill_queued(self) -> None:
        """Complete those that wait for their shell: the shells go."""
        for execution in self._known.values():
            if execution.status == "queued":
                execution.complete(KILLED)
