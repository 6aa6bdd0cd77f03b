"""The terminal that the user sits at."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import termios
import tty
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Final

OUT_OF_PROGRAMS: Final = b"\x1b[?1049l\x1b[?25h\x1b[?2004l\x1b[0m\r\n"
"""Leaves the second screen, shows the cursor, ends pastes in brackets and colours: what an editor would do at
its end, if it is cut off before."""
ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


def size_of(descriptor: int) -> tuple[int, int]:
    """Return rows and columns; 24 and 80 where a terminal does not know."""
    answer = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, b"\0" * 8)
    rows, columns, _, _ = struct.unpack("HHHH", answer)
    return rows or 24, columns or 80


@contextlib.contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Hand on every key as it is; put the terminal back whatever happens."""
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor, termios.TCSADRAIN)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # it is gone: its window was closed
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


class Signals:
    """Turns signals into something that `select` sees.

    :param numbers: which.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._numbers = numbers
        self._before: Mapping[int, object] = {}
        self.reading, self._writing = os.pipe()
        self._came: set[int] = set()

    def __enter__(self) -> Signals:
        for descriptor in (self.reading, self._writing):
            os.set_blocking(descriptor, False)
        self._before = {number: signal.signal(number, self._note) for number in self._numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # type: ignore[arg-type]
        # The descriptors stay open: threads may ring yet, and the numbers could be another's by then.

    def _note(self, number: int, _: FrameType | None) -> None:
        self._came.add(number)
        self.ring()

    def ring(self) -> None:
        """Make `reading` readable."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._writing, b".")

    def taken(self) -> set[int]:
        """Return what came since the last time, and make `reading` quiet."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.reading, 4096):
                pass
        came = set(self._came)
        self._came -= came
        return came
