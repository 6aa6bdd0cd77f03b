"""A terminal in a devbox, and the shell at it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import Mapping
from typing import Final, NamedTuple

from ..bash import environment_of, login_shell
from ..descriptors import close_quietly
from ..engine.protocol import Box, Command, Process
from ..notice import Notice
from ..processes import exit_status
from .sizes import Size

_NUMBER_OF, _LOCK = 0x80045430, 0x40045431
"""From asm-generic/ioctls.h: the number of a terminal, and whether nobody may open its other side."""
_IUTF8: Final = 0o40000
_PIECE: Final = 64 * 1024
SHOWN_MAX: Final = 256 * 1024
"""Bytes of what it shows that wait for a client: if there is one, the program waits, else the oldest go."""
_LAST_PIECES: Final = 16
_TYPED_MAX: Final = 1024 * 1024


class TypedTooMuchError(Exception):
    """More was typed than a program that does not read will ever need."""


class _Ends(NamedTuple):
    """The two sides of a new terminal, and what the devbox calls it."""

    master: int
    slave: int
    path: str


class Terminal:
    """A terminal. Made by `open_terminal`.

    :param box: where it is.
    :param master: the side of whoever sits at it; the terminal owns it.
    :param shell: the leader of its session.
    """

    def __init__(self, box: Box, master: int, shell: Process, size: Size) -> None:
        self.size = size
        self.over = False
        """Whether the shell has ended, and all that it showed was read."""
        self.changed = Notice()
        """Rung when there is something to show, and when it is over."""
        self.watched = False
        """Whether somebody takes what it shows."""
        self._box, self._master, self._shell = box, master, shell
        self._shown, self._typed = bytearray(), bytearray()
        self._loop = asyncio.get_running_loop()
        self._reading = self._writing = False
        self._listen()

    async def ended(self) -> None:
        """Return when it is over."""
        await exit_status(self._shell)
        for _ in range(_LAST_PIECES):  # What it leaves behind may go on for ever.
            if not self._read():
                break
        self._give_up()

    def _listen(self) -> None:
        if not self._reading and self._master >= 0:
            self._reading = True
            self._loop.add_reader(self._master, self._read)

    def _read(self) -> bool:
        """Take what it shows, and tell whether there was any."""
        try:
            data = os.read(self._master, _PIECE)
        except BlockingIOError:
            return False
        except OSError:  # Nobody has its other side open, or it is closed.
            data = b""
        if not data:
            self._rest()
            return False
        self._shown += data
        self._bound()
        self.changed.ring()
        return True

    def _bound(self) -> None:
        if len(self._shown) <= SHOWN_MAX:
            return
        if self.watched:
            self._rest()
        else:
            del self._shown[:-SHOWN_MAX]

    def _rest(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._master)

    def watch(self, watched: bool) -> None:
        """Note whether somebody takes what it shows."""
        self.watched = watched
        self._bound()
        self._listen()

    @property
    def shows(self) -> bool:
        """Whether there is something to take."""
        return bool(self._shown)

    def take(self) -> bytes:
        """Return what it shows that nobody has taken yet."""
        data = bytes(self._shown)
        self._shown.clear()
        if not self.over:
            self._listen()
        return data

    def type(self, data: bytes) -> None:
        """Type, as far as the program has room, and the rest when it has.

        :raises TypedTooMuchError: if too much waits.
        """
        if self.over:
            return
        self._typed += data
        if len(self._typed) > _TYPED_MAX:
            raise TypedTooMuchError
        self._write()

    def _write(self) -> None:
        try:
            del self._typed[: os.write(self._master, self._typed[:_PIECE])]
        except BlockingIOError:
            pass
        except OSError:  # Nobody has its other side open.
            self._typed.clear()
        if bool(self._typed) == self._writing:
            return
        self._writing = not self._writing
        if self._writing:
            self._loop.add_writer(self._master, self._write)
        else:
            self._loop.remove_writer(self._master)

    def resize(self, size: Size) -> None:
        """Give it another size; the kernel tells the program in the foreground."""
        if not self.over:
            _set_size(self._master, size)
        self.size = size

    async def signal(self, number: int) -> None:
        """Signal the process group in the foreground.

        :raises ProcessLookupError: if there is none.
        """
        if self.over:
            raise ProcessLookupError
        await self._box.signal_foreground(self._master, number)

    def hang_up(self) -> None:
        """Take the terminal away from what runs at it: the kernel sends SIGHUP."""
        self._give_up()

    def _give_up(self) -> None:
        if self.over:
            return
        self.over = True
        self._rest()
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._master)
        os.close(self._master)
        self._master = -1
        self.changed.ring()


async def open_terminal(box: Box, own_root: bool, variables: Mapping[str, str], size: Size) -> Terminal:
    """Start a shell at a new terminal.

    :param own_root: whether the box has devices of its own; else they are the machine's.
    :param variables: of the devbox.
    :raises OSError, EngineError: if it cannot be had.
    """
    variables = {"TERM": "xterm-256color", **variables}
    ends = await _ends_within(box) if own_root else _ends_here()
    try:
        _prepare(ends, size)
        # A session's leader that has no terminal gets the one that it opens.
        line = f': <{ends.path}; exec "${{BASH:-sh}}" -i'
        argv = await login_shell(box, line, variables)
        environment = environment_of(box, variables)
        shell = await box.spawn(Command(argv, environment, ends.slave, ends.slave, ends.slave))
    except BaseException:
        close_quietly(ends.master)
        raise
    finally:
        close_quietly(ends.slave)
    return Terminal(box, ends.master, shell, size)


async def _ends_within(box: Box) -> _Ends:
    master = await box.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        fcntl.ioctl(master, _LOCK, struct.pack("i", 0))
        (number,) = struct.unpack("i", fcntl.ioctl(master, _NUMBER_OF, bytes(4)))
        path = f"/dev/pts/{number}"
        return _Ends(master, await box.open(path, os.O_RDWR | os.O_NOCTTY), path)
    except BaseException:
        close_quietly(master)
        raise


def _ends_here() -> _Ends:
    master, slave = os.openpty()
    return _Ends(master, slave, os.ttyname(slave))


def _prepare(ends: _Ends, size: Size) -> None:
    os.set_blocking(ends.master, False)
    modes = termios.tcgetattr(ends.slave)
    modes[0] |= _IUTF8
    termios.tcsetattr(ends.slave, termios.TCSANOW, modes)
    _set_size(ends.master, size)


def _set_size(master: int, size: Size) -> None:
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))
