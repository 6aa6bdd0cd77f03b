"""Moves bytes from one socket to another within the kernel: less work than copying them here."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

_AT_ONCE = 1024 * 1024
"""Bytes; the size of the pipe in between. Users who have many pipes get smaller ones."""
_HOW = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
_NOT_HERE = (errno.EINVAL, errno.ENOSYS)


class CannotSpliceError(Exception):
    """This kernel does not move bytes of such a socket."""


class Splice:
    """A pipe between two sockets, empty after each move.

    :raises CannotSpliceError: if no pipe can be had.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            self._out, self._in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise CannotSpliceError from error
        with suppress(OSError):
            fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, _AT_ONCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._out)
        os.close(self._in)

    async def take(self, source: socket.socket, most: int) -> int:
        """Take bytes from a socket, and return how many; none at its end.

        :raises CannotSpliceError: if it cannot be done here; nothing was taken then.
        :raises OSError: if the connection broke.
        """
        while True:
            try:
                return os.splice(source.fileno(), self._in, min(most, _AT_ONCE), flags=_HOW)
            except BlockingIOError:
                await self._ready(self._loop.add_reader, self._loop.remove_reader, source)
            except OSError as error:
                if error.errno in _NOT_HERE:
                    raise CannotSpliceError from error
                raise

    async def give(self, count: int, into: socket.socket) -> None:
        """Give a socket what was taken.

        :raises OSError: if it takes no more.
        """
        while count:
            try:
                count -= os.splice(self._out, into.fileno(), count, flags=_HOW)
            except BlockingIOError:
                await self._ready(self._loop.add_writer, self._loop.remove_writer, into)

    async def _ready(
        self, add: Callable[..., object], remove: Callable[..., object], connection: socket.socket
    ) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        add(connection, _complete, ready)
        try:
            await ready
        finally:
            remove(connection)


def _complete(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
