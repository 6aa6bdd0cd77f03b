"""The result of a command that ended."""

from __future__ import annotations

from collections.abc import Mapping

from ...contract.views.executions import DevboxAsyncExecutionDetailView
from ..errors import CommandFailedError, hide_from_traceback
from ..results import Outcome, holds_lines, last_lines, tail
from .output import AsyncOutputStream
from .transport import AsyncTransport

__tracebackhide__ = hide_from_traceback


class AsyncExecutionResult:
    """What a command left: its exit status and its outputs.

    The service sends the last lines of an output with the exit status. The rest is fetched when it is
    asked for.
    """

    def __init__(
        self,
        transport: AsyncTransport,
        view: DevboxAsyncExecutionDetailView,
        path: Mapping[str, str],
        command: str,
    ) -> None:
        self._transport = transport
        self._view = view
        self._path = path
        self._command = command

    @property
    def devbox_id(self) -> str:
        """The id of the devbox that it ran in."""
        return self._path["devbox_id"]

    @property
    def execution_id(self) -> str:
        """The id of the command."""
        return self._path["execution_id"]

    @property
    def command(self) -> str:
        """What ran; empty if this program did not start it."""
        return self._command

    @property
    def exit_code(self) -> int | None:
        """The exit status; 128 + n after signal n."""
        if self._transport.observer is not None:
            self._transport.observer.looked_at(self.devbox_id, self.execution_id)
        return self._view.exit_status

    @property
    def success(self) -> bool:
        """Whether the exit status is 0."""
        return self.exit_code == 0

    @property
    def failed(self) -> bool:
        """Whether the exit status is another than 0, or none was told."""
        return not self.success

    @property
    def result(self) -> DevboxAsyncExecutionDetailView:
        """The service's own view of it, outputs possibly truncated."""
        return self._view

    async def stdout(self, num_lines: int | None = None) -> str:
        """Return the output, whole.

        :param num_lines: only so many lines at its end.
        """
        return await self._output("stdout", self._view.stdout, self._view.stdout_truncated, num_lines)

    async def stderr(self, num_lines: int | None = None) -> str:
        """Return the standard error, whole.

        :param num_lines: only so many lines at its end.
        """
        return await self._output("stderr", self._view.stderr, self._view.stderr_truncated, num_lines)

    def check(self) -> AsyncExecutionResult:
        """Return this result if the command succeeded, so that a call can be followed by it.

        :raises CommandFailedError: if it did not; the message has the ends of both outputs.
        """
        if self.failed:
            raise CommandFailedError(self._outcome())
        return self

    def _outcome(self) -> Outcome:
        view = self._view
        outputs = tail(view.stdout or ""), tail(view.stderr or "")
        return Outcome(self._command, self.devbox_id, self.exit_code, *outputs)

    async def _output(self, stream: str, known: str | None, truncated: bool | None, lines: int | None) -> str:
        text = known or ""
        if truncated and (lines is None or not holds_lines(text, lines)):
            text = await self._replayed(stream)
        return text if lines is None else last_lines(text, lines)

    async def _replayed(self, stream: str) -> str:
        pieces: list[str] = []

        async def keep(piece: str) -> None:
            pieces.append(piece)

        await AsyncOutputStream(self._transport, stream, self._path).follow(keep, lambda: False)
        return "".join(pieces)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.execution_id} exit status {self.exit_code}>"
