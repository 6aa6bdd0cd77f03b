"""The port at which a devbox finds what it may call."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.server import ServerState

from ..engine.protocol import Box
from ..protocol import HttpProtocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_HOST = "127.0.0.1"
_FIRST_PORT, _LAST_PORT = 20_000, 32_767
"""Below those that the kernel gives to whoever asks for any."""


MOST_CONNECTIONS = 256
"""Of a devbox, at a time: each takes a descriptor of the server, which serves others too."""


class _Refused(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.abort()


class _Admitted(HttpProtocol):
    """A connection whose end is told."""

    def __init__(self, ended: Callable[[], None], *how: Any) -> None:
        super().__init__(*how)
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._ended()


class Door:
    """A port of a devbox's loopback interface that this server answers.

    In a devbox with a network of its own, nobody else can connect to it. Otherwise it is a port of this
    machine, which is taken at once.

    :param app: answers the requests.
    :param private: whether the devbox has a network of its own.
    """

    def __init__(self, app: ASGIApp, *, private: bool) -> None:
        self._state = ServerState()
        self._config = _config(app)
        self._connections = 0
        self._taken = None if private else _taken()
        self._server: asyncio.Server | None = None
        self.port: int = self._taken.getsockname()[1] if self._taken is not None else _any_port()

    @property
    def url(self) -> str:
        """Where it is, as the devbox sees it."""
        return f"http://{_HOST}:{self.port}"

    async def open(self, box: Box) -> None:
        """Answer, for a box that has just been booted.

        :raises OSError, EngineError: if that is not possible.
        """
        if self._taken is None:
            await box.serve(self.port, self._connection)
        elif self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._connection, sock=self._taken)

    def _connection(self) -> asyncio.Protocol:
        """Return what serves a connection."""
        # Counted here: many may be accepted before the first is made.
        if self._connections >= MOST_CONNECTIONS:
            return _Refused()
        self._connections += 1
        return _Admitted(self._ended, self._config, self._state, {})

    def _ended(self) -> None:
        self._connections -= 1

    def move(self) -> None:
        """Take another port, since this one is taken."""
        self.port = _any_port()

    def close(self) -> None:
        """Answer no more, and end what is going on."""
        if self._server is not None:
            self._server.close()
        elif self._taken is not None:
            self._taken.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        for task in list(self._state.tasks):
            task.cancel()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )


def _any_port() -> int:
    return _FIRST_PORT + secrets.randbelow(_LAST_PORT + 1 - _FIRST_PORT)


def _taken() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.bind((_HOST, 0))
    except OSError:
        made.close()
        raise
    return made
