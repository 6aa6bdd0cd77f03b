"""Whoever sits at a terminal of a devbox, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from .box import Box, ok
from .running import NO_CERTIFICATES, PATIENCE


@dataclass
class Tunnel:
    """A PTY tunnel, and a client of it."""

    http: httpx.Client
    view: Any

    @property
    def headers(self) -> dict[str, str]:
        """What a request of it carries."""
        return {"Authorization": f"Bearer {self.view['auth_token']}"}

    def connect(self, name: str, **size: int) -> Any:
        """Make a terminal, or find it."""
        return ok(self.http.get(f"/pty/{name}", params=size))

    def control(self, name: str, **params: Any) -> httpx.Response:
        """Do something to a terminal."""
        return self.http.post(f"/pty/{name}/control", json=params)

    @contextmanager
    def sit(self, name: str, **size: int) -> Iterator[Seat]:
        """Sit at a terminal, which is made if need be."""
        path = self.connect(name, **size)["connect_url"]
        with self.attach(path) as socket:
            yield Seat(socket)

    def attach(self, path: str, **headers: str) -> ClientConnection:
        """Open a WebSocket."""
        url = self.view["url"].replace("http", "ws") + path
        return connect(url, additional_headers=headers or self.headers, max_size=None)


@dataclass
class Seat:
    """A place at a terminal."""

    socket: ClientConnection
    shown: bytes = b""

    def type(self, text: str) -> None:
        """Type."""
        self.socket.send(text.encode())

    def run(self, line: str) -> str:
        """Run a line at the shell's prompt, and return what it printed."""
        self.type(f"printf 'beg%s\\n' in; {line}; printf 'en%s\\n' d\r")
        self.until("begin\r\n")
        return self.until("end\r\n").removesuffix("end\r\n")

    def until(self, mark: str) -> str:
        """Return what is shown up to a text, and that too."""
        while mark.encode() not in self.shown:
            piece = self.socket.recv(timeout=PATIENCE)
            assert isinstance(piece, bytes)
            self.shown += piece
        text, _, self.shown = self.shown.partition(mark.encode())
        return text.decode("utf-8", "replace") + mark

    def closed(self) -> tuple[int, str]:
        """Return with what the server closes the connection, once everything was shown."""
        with suppress(ConnectionClosed):
            while piece := self.socket.recv(timeout=PATIENCE):
                assert isinstance(piece, bytes)
                self.shown += piece
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""


@contextmanager
def tunnel(box: Box) -> Iterator[Tunnel]:
    """Make a PTY tunnel."""
    view = ok(box.post("create_pty_tunnel"))
    headers = {"Authorization": f"Bearer {view['auth_token']}"}
    with httpx.Client(
        base_url=view["url"], headers=headers, timeout=PATIENCE, verify=NO_CERTIFICATES
    ) as client:
        yield Tunnel(client, view)
