"""Connections that an agent began inside its box, and the server brings to their end."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

LOOPBACK = ("127.0.0.1", "::1")
"""Where a service inside may listen: some take `localhost` for ::1 alone."""

NOBODY_THERE = (errno.ECONNREFUSED, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH)
"""That nothing listens; the others are what a machine without IPv6 says of ::1."""

_HIGHEST_PORT = 65_535


def check_port(port: int) -> None:
    """Refuse what is no port.

    :raises ValueError: unless it lies between 1 and 65535.
    """
    if not 0 < port <= _HIGHEST_PORT:
        raise ValueError(f"a port lies between 1 and {_HIGHEST_PORT}, and {port} does not")


async def connected(connection: socket.socket, host: str, port: int) -> socket.socket:
    """Wait until a socket that is connecting has done so.

    :param connection: non-blocking. It is closed if this raises.
    :raises OSError: as `connect` gives it.
    """
    try:
        # The second call of `connect` on a socket tells how the first one ended, or that it goes on.
        await asyncio.get_running_loop().sock_connect(connection, (host, port))
        if connection.getsockname() == connection.getpeername():
            # The kernel chose the very port that is connected to, and TCP lets both meet in one socket.
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    except BaseException:
        connection.close()
        raise
    return connection
