"""A terminal with somebody at it, and a program of this package that runs there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping

from tests.plugin.waiting import PATIENCE

# A terminal tells of a new size only whom it controls.
_PROGRAM = (
    "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "from pytest_runloop.cli import main; sys.exit(main(sys.argv[1:]))"
)


class Seat:
    """Who sits there types, reads, and pulls at the corner of the window.

    :param words: arguments of `pytest-runloop`.
    """

    def __init__(self, words: list[str], environment: Mapping[str, str], rows: int, columns: int) -> None:
        self._master, self._slave = pty.openpty()
        self.resize(rows, columns)
        self._modes = termios.tcgetattr(self._slave)
        self.seen = bytearray()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *words],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env={**os.environ, **environment},
            start_new_session=True,
        )

    def resize(self, rows: int, columns: int) -> None:
        """Give the window another size."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str | bytes) -> None:
        """Type, and read what comes meanwhile, as a terminal does."""
        left = keys.encode() if isinstance(keys, str) else keys
        while left:
            ready, writable, _ = select.select([self._master], [self._master], [], PATIENCE)
            assert ready or writable, "nobody reads what is typed"
            if ready:
                self.seen += os.read(self._master, 65536)
            if writable:
                left = left[os.write(self._master, left[:1024]) :]

    def until(self, text: str) -> str:
        """Read until some text has come, and return everything up to it."""
        wanted, deadline, looked = text.encode(), time.monotonic() + PATIENCE, 0
        while (place := self.seen.find(wanted, looked)) < 0:
            looked = max(0, len(self.seen) - len(wanted))
            ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{text!r} did not come, but {bytes(self.seen[-2000:])!r}"
            self.seen += os.read(self._master, 65536)
        end = place + len(wanted)
        told = bytes(self.seen[:end]).decode(errors="replace")
        del self.seen[:end]
        return told

    def status(self) -> int:
        """Wait for the program's end, and return how it ended."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end, but says {bytes(self.seen[-2000:])!r}"
            self._drain(0.05)
        self._drain(0.0)
        return self.process.returncode

    def _drain(self, seconds: float) -> None:
        while select.select([self._master], [], [], seconds)[0]:
            self.seen += os.read(self._master, 65536)

    @property
    def as_before(self) -> bool:
        """Whether the terminal is as it was before the program."""
        return termios.tcgetattr(self._slave) == self._modes

    def close(self) -> None:
        """Leave."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._slave)
        os.close(self._master)


@contextlib.contextmanager
def seat(
    words: list[str], environment: Mapping[str, str], rows: int = 33, columns: int = 101
) -> Iterator[Seat]:
    """Run a program of this package at a terminal."""
    taken = Seat(words, environment, rows, columns)
    try:
        yield taken
    finally:
        taken.close()
