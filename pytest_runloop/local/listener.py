"""Accepts connections on the loopback interface."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from .tasks import Tasks

Serve = Callable[[socket.socket], Coroutine[Any, Any, None]]
"""Sees a connection through, and closes it. Cancelled, it ends it at once."""

_BACKLOG = 1024
_PAUSE = 0.1
"""Seconds."""


class Listener:
    """A port of 127.0.0.1.

    :param serve: sees each connection through.
    :raises OSError: if no port can be had.
    """

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._socket = _listening()
        self.port: int = self._socket.getsockname()[1]
        self._served = Tasks()
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
            self._served.start(self._serve(client))

    async def close(self, seconds: float = 0) -> None:
        """Take no more connections, and end those that are there.

        :param seconds: how long these may still last.
        """
        self._accepting.cancel()
        await asyncio.wait({self._accepting})
        await self._served.finish(seconds)


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
