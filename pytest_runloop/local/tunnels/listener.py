"""Accepts connections on the loopback interface."""

from __future__ import annotations

import asyncio
import socket

from ..tasks import Tasks
from .relay import Doorkeeper, Relay

_BACKLOG = 1024
_PAUSE = 0.1
"""Seconds."""


class Listener:
    """A port of 127.0.0.1, for requests that go through one doorkeeper.

    :param keeper: decides on them.
    :raises OSError: if no port can be had.
    """

    def __init__(self, keeper: Doorkeeper) -> None:
        self._keeper = keeper
        self._socket = _listening()
        self.port: int = self._socket.getsockname()[1]
        self._relays = Tasks()
        self._accepting = asyncio.get_running_loop().create_task(self._accept())
        # Not earlier: the event loop still looks at the socket.
        self._accepting.add_done_callback(lambda _: self._socket.close())

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(self._socket)
            except OSError:  # Mostly: too many open files. Those who wait stay in the queue.
                await asyncio.sleep(_PAUSE)
                continue
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._relays.start(Relay(client, self._keeper).run())

    async def close(self, seconds: float = 0) -> None:
        """Take no more connections, and end those that are there.

        :param seconds: how long these may still last.
        """
        self._accepting.cancel()
        await asyncio.wait({self._accepting})
        await self._relays.finish(seconds)


def _listening() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(("127.0.0.1", 0))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
