"""What one side of a connection sends: heads to be read, and bytes to be passed on."""

from __future__ import annotations

import asyncio
import socket

from .bodies import Body
from .heads import END, HeadError
from .splicing import CannotSpliceError, Splice

_ROOM = 64 * 1024
"""Bytes; the longest head, and what is copied at once."""
_LONG = 4 * _ROOM
"""Bytes; what is left of a body that is worth a splice, if it comes fast."""
_TURN = 1024 * 1024
"""Bytes, after which others have their turn."""


class EndedError(Exception):
    """The connection ended within a message."""


class LostError(Exception):
    """The connection broke: its other side was reset, or is gone."""


class Source:
    """The receiving side of a socket.

    :param connection: non-blocking.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._buffer = bytearray(_ROOM)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        self._fast = self._copies = False
        self._moved = 0

    @property
    def rest(self) -> bytes:
        """What has arrived and was not yet taken."""
        return bytes(self._view[self._start : self._end])

    async def head(self) -> bytes | None:
        """Return the next head, its blank line included; `None` at the end of the connection.

        :raises HeadError: if what comes is too long for one, or the connection ends within it.
        :raises LostError: if it breaks.
        """
        seen = 0
        while True:
            found = self._buffer.find(END, max(self._start, self._start + seen - len(END)), self._end)
            if found >= 0:
                raw = bytes(self._view[self._start : found + len(END)])
                self._start = found + len(END)
                return raw
            seen = self._end - self._start
            if seen == _ROOM:
                raise HeadError(f"no blank line within {_ROOM:,} bytes")
            if not await self._receive():
                if seen:
                    raise HeadError("the connection ended within it")
                return None

    async def pour(self, body: Body, into: socket.socket) -> None:
        """Pass the bytes of a body on, while they come and as fast as they are taken.

        :raises EndedError: if the connection ends before the body.
        :raises LostError: if it breaks.
        :raises HeadError: if the body is not as HTTP has it.
        :raises OSError: if the other connection takes no more.
        """
        while not body.done:
            if self._start < self._end:
                upto = body.take(self._buffer, self._start, self._end)
                await self._loop.sock_sendall(into, self._view[self._start : upto])
                await self._let_others(upto - self._start)
                self._start = upto
            elif self._fast and body.left >= _LONG:
                await self._splice(body, into)
            elif not await self._receive():
                raise EndedError

    async def _splice(self, body: Body, into: socket.socket) -> None:
        self._fast = False
        try:
            with Splice() as splice:
                while body.left >= _LONG:
                    count = await self._taken(splice, body.left)
                    body.left -= count
                    await splice.give(count, into)
                    await self._let_others(count)
        except CannotSpliceError:
            self._copies = True

    async def _taken(self, splice: Splice, most: int) -> int:
        try:
            count = await splice.take(self._connection, most)
        except OSError as error:
            raise LostError(str(error)) from error
        if not count:
            raise EndedError
        return count

    async def _let_others(self, count: int) -> None:
        """Give way now and then: where both sides are quick, nothing here ever waits."""
        self._moved += count
        if self._moved >= _TURN:
            self._moved = 0
            await asyncio.sleep(0)

    async def _receive(self) -> bool:
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == _ROOM:
            rest = self.rest
            self._view[: len(rest)] = rest
            self._start, self._end = 0, len(rest)
        try:
            count = await self._loop.sock_recv_into(self._connection, self._view[self._end :])
        except OSError as error:
            raise LostError(str(error)) from error
        self._fast = count == _ROOM and not self._copies
        self._end += count
        return count > 0
