"""Ports of a box that are served from outside of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

Protocol = Callable[[], asyncio.Protocol]
"""Makes what serves a connection."""


class Counters:
    """The ports of one box that this process serves. A new boot of the box has a network of its own."""

    def __init__(self) -> None:
        self._wanted: dict[int, Protocol] = {}
        self._open: list[asyncio.Server] = []

    def remember(self, port: int, protocol: Protocol) -> None:
        """Note what is to be served again after a boot."""
        self._wanted[port] = protocol

    def all(self) -> list[tuple[int, Protocol]]:
        """Return what is to be served."""
        return list(self._wanted.items())

    async def open(self, bound: socket.socket, protocol: Protocol) -> None:
        """Listen to a socket that has its port.

        :raises OSError: if it cannot be listened to; it is closed then.
        """
        try:
            server = await asyncio.get_running_loop().create_server(protocol, sock=bound)
        except BaseException:
            bound.close()
            raise
        self._open.append(server)

    def close(self) -> None:
        """Listen to none of them any more."""
        for server in self._open:
            server.close()
        self._open.clear()
