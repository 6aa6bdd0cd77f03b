"""The log of a devbox: what it did, line by line."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from ..contract.views.devboxes import DevboxLog, LogSource
from .clock import Clock

_LINE_MAX = 16 * 1024


class Logbook:
    """The last lines of a devbox's log.

    :param limit: how many lines are kept.
    """

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._lines: deque[DevboxLog] = deque(maxlen=limit)

    def note(
        self,
        source: LogSource,
        message: str,
        *,
        level: str = "info",
        cmd: str | None = None,
        cmd_id: str | None = None,
        exit_code: int | None = None,
        shell_name: str | None = None,
    ) -> None:
        """Add a line."""
        line = DevboxLog(
            level=level,
            source=source,
            timestamp_ms=self._clock.now_ms(),
            message=message,
            cmd=cmd,
            cmd_id=cmd_id,
            exit_code=exit_code,
            shell_name=shell_name,
        )
        self._lines.append(line)

    def lines(self, execution_id: str | None = None, shell_name: str | None = None) -> list[DevboxLog]:
        """Return the lines, oldest first, of one execution or one shell if asked."""
        return [
            line
            for line in self._lines
            if execution_id in (None, line.cmd_id) and shell_name in (None, line.shell_name)
        ]


class LineSink:
    """Takes output and hands it on line by line.

    :param write: called with each line, without its newline.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._rest = bytearray()
        self.last: deque[str] = deque(maxlen=20)
        """The last lines, for the message of a failure."""

    def feed(self, data: bytes) -> Awaitable[None] | None:
        """Take bytes."""
        self._rest += data
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        for line in lines:
            self._emit(line)
        if len(self._rest) > _LINE_MAX:
            self._flush()
        return None

    def close(self) -> None:
        """Hand on a last line without a newline."""
        if self._rest:
            self._flush()

    def _flush(self) -> None:
        self._emit(bytes(self._rest))
        self._rest.clear()

    def _emit(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        self.last.append(text[:1000])
        self._write(text)
