"""The log of a devbox: what it did, line by line."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice

from ..contract.views.devboxes import DevboxLog, LogSource
from .clock import Clock
from .masking import Mask
from .notice import Notice

_LINE_MAX = 16 * 1024


class Logbook:
    """The last lines of a devbox's log.

    :param limit: how many lines are kept.
    :param mask: takes out of them what must not be read.
    """

    def __init__(self, clock: Clock, limit: int, mask: Mask) -> None:
        self._clock = clock
        self._mask = mask
        self._lines: deque[DevboxLog] = deque(maxlen=limit)
        self.count = 0
        """How many lines were ever written."""
        self.closed = False
        self.changed = Notice()
        """Rung at each line, and at the end."""

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
            message=self._mask(message),
            cmd=None if cmd is None else self._mask(cmd),
            cmd_id=cmd_id,
            exit_code=exit_code,
            shell_name=shell_name,
        )
        self._lines.append(line)
        self.count += 1
        self.changed.ring()

    def clear(self) -> None:
        """Forget all lines so far."""
        self._lines.clear()

    def close(self) -> None:
        """Say that nothing more comes: nobody needs to wait for it."""
        self.closed = True
        self.changed.ring()

    def lines(self, wanted: Callable[[DevboxLog], bool] = lambda _: True) -> list[DevboxLog]:
        """Return the lines that are wanted, oldest first."""
        return list(filter(wanted, self._lines))

    def since(self, position: int) -> tuple[list[DevboxLog], int]:
        """Return the lines after the first so many, as far as they are kept, and the new position."""
        first = self.count - len(self._lines)
        return list(islice(self._lines, max(0, position - first), None)), self.count


def of(execution_id: str | None, shell_name: str | None) -> Callable[[DevboxLog], bool]:
    """Return what tells the lines of one execution or one shell, or of both; all of them for `None`."""
    return lambda line: execution_id in (None, line.cmd_id) and shell_name in (None, line.shell_name)


class LineSink:
    """Takes output and hands it on line by line.

    :param write: called with each line, without its newline.
    :param mask: takes out of them what must not be read: here, because what cuts a line may cut a value.
    """

    def __init__(self, write: Callable[[str], None], mask: Mask | None = None) -> None:
        self._write = write
        self._mask = mask or Mask()
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
            self._shorten()
        return None

    def close(self) -> None:
        """Hand on a last line without a newline."""
        if self._rest:
            self._flush()

    def _shorten(self) -> None:
        # Back and forth without loss, whatever the bytes are.
        text = self._rest.decode("utf-8", "surrogateescape")
        if place := self._mask.cut(text):
            self._emit(text[:place].encode("utf-8", "surrogateescape"))
            self._rest = bytearray(text[place:].encode("utf-8", "surrogateescape"))

    def _flush(self) -> None:
        self._emit(bytes(self._rest))
        self._rest.clear()

    def _emit(self, line: bytes) -> None:
        text = self._mask(line.decode("utf-8", "replace"))
        self.last.append(text[:1000])
        self._write(text)
