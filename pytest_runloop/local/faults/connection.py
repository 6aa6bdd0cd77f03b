"""One request's connection: all that is done to it below the level of HTTP."""

from __future__ import annotations

import asyncio
import fcntl
import json
import socket
import struct
import sys
import termios
from collections.abc import Mapping
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from ..protocol import HttpProtocol

_KEY = "runloop.transport"
_KEPT_BYTES = 1 << 20
_ESTABLISHED = 1


class FaultableProtocol(HttpProtocol):
    """uvicorn's HTTP protocol, which lets the application reach its connection: ASGI has no word for a reset.

    Give it to uvicorn as `http=FaultableProtocol`.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # uvicorn copies `app_state` into the scope of each request of this connection.
        self.app_state = {**self.app_state, _KEY: transport}


class Connection:
    """The connection that a request came on.

    :raises RuntimeError: from what needs the socket, if the server was not given `FaultableProtocol`.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self.send = send
        self._kept: list[Message] = []
        self._read = False

    async def receive(self) -> Message:
        """Return the next message of the request, as the application does."""
        return self._kept.pop(0) if self._kept else await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self._read = self._read or not message.get("more_body", False)
        return message

    async def keep_request(self) -> None:
        """Read the request ahead, unless it is a large one.

        A client that goes away while its call is held has sent it all the same: a real network would deliver
        it, and the service would do the work. uvicorn withholds a body that was not read before that.
        """
        size = 0
        while not self._read and size < _KEPT_BYTES:
            message = await self._next()
            size += len(message.get("body", b""))
            self._kept.append(message)

    async def answer(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """Send a whole answer.

        :param body: what travels as JSON.
        """
        content = json.dumps(body).encode()
        fields = {"content-type": "application/json", "content-length": str(len(content)), **headers}
        raw = [(name.encode(), value.encode()) for name, value in fields.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})
        await self.send({"type": "http.response.body", "body": content})

    async def close(self) -> None:
        """End the connection in order: what was written arrives, then FIN."""
        # Linux turns the end of a connection into a reset while anything that came on it is unread.
        while not self._read:
            await self._next()
        self._transport.close()
        await self.gone()

    async def reset(self) -> None:
        """Reset the connection, after what was written has arrived."""
        await self._delivered()
        linger = struct.pack("ii", 1, 0)
        if not self._transport.is_closing():
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()
        await self.gone()

    async def _delivered(self) -> None:
        """Return when the other side's kernel has everything: a reset drops what is still on its way."""
        while not self._transport.is_closing() and (
            self._transport.get_write_buffer_size() or self._unacknowledged()
        ):
            await _a_moment()

    def _unacknowledged(self) -> int:
        answer = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, bytes(4))
        return int.from_bytes(answer, sys.byteorder)

    async def left(self) -> None:
        """Return when the client is seen to have left, although nobody reads from the connection.

        uvicorn stops reading when it holds 64 KiB that nobody has taken, and then hears of no end. A client
        that leaves with more unsent than the kernel takes is not seen: its FIN waits behind that.
        """
        while not self._transport.is_closing() and self._tcp_state() == _ESTABLISHED:
            await _a_moment()

    def _tcp_state(self) -> int:
        return int(self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0])

    async def gone(self) -> None:
        """Return when the connection has ended, from either side."""
        while (await self._next())["type"] != "http.disconnect":
            pass

    @property
    def _transport(self) -> asyncio.Transport:
        try:
            transport: asyncio.Transport = self._scope["state"][_KEY]
        except KeyError:
            raise RuntimeError(
                "run uvicorn with http=FaultableProtocol: this fault needs the connection"
            ) from None
        return transport

    @property
    def _socket(self) -> socket.socket:
        found: socket.socket = self._transport.get_extra_info("socket")
        return found


async def _a_moment() -> None:
    # No event tells of the kernel's queues, or of a FIN while nothing is read: they are polled.
    await asyncio.sleep(0.02)
