"""Moves what arrives in a pipe to where it is kept."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import Awaitable
from typing import Protocol

_READ_SIZE = 64 * 1024
"""A pipe holds that much."""


class Sink(Protocol):
    """Where output goes."""

    def feed(self, data: bytes) -> Awaitable[None] | None:
        """Take bytes; an awaitable says: wait for it before more comes."""

    def close(self) -> None:
        """Nothing more comes."""


class Pump:
    """Reads one end of a pipe until it is sealed, and from then on only empties it.

    Emptying matters: a process in the background that goes on printing must neither be stopped by
    a full pipe nor killed by a closed one.

    :param fd: the reading end; the pump owns it.
    :param sink: where the bytes go.
    """

    def __init__(self, fd: int, sink: Sink) -> None:
        self._fd = fd
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._stored: asyncio.Task[None] | None = None
        self._sealed = False
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._readable)

    def _readable(self) -> None:
        if (data := self._read(_READ_SIZE)) is None:
            return
        if not data:
            self._hang_up()
        elif not self._sealed and (storing := self._sink.feed(data)):
            self._loop.remove_reader(self._fd)
            self._stored = self._loop.create_task(self._store(storing))

    async def _store(self, storing: Awaitable[None]) -> None:
        await storing
        self._stored = None
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._readable)

    def _read(self, count: int) -> bytes | None:
        try:
            return os.read(self._fd, count)
        except BlockingIOError:
            return None

    def _hang_up(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1

    async def seal(self) -> None:
        """Take what is in the pipe now, and close the sink."""
        await self.drain()
        self._sealed = True
        self._sink.close()

    async def drain(self) -> None:
        """Take what is in the pipe now."""
        if self._stored is not None:
            await self._stored
        await self._take(self._waiting())

    async def _take(self, count: int) -> None:
        # What was in the pipe when the process ended is its output. Without this bound, a child
        # that prints for ever would keep the command from completing.
        while count > 0 and self._fd >= 0 and (data := self._read(count)) is not None:
            if not data:
                self._hang_up()
                return
            count -= len(data)
            if storing := self._sink.feed(data):
                await storing

    def _waiting(self) -> int:
        if self._fd < 0:
            return 0
        answer = fcntl.ioctl(self._fd, termios.FIONREAD, b"\0" * 4)
        return int(struct.unpack("i", answer)[0])

    def close(self) -> None:
        """Give the pipe up."""
        self._sealed = True
        if self._fd >= 0:
            self._hang_up()
