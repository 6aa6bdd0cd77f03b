"""A server on a real socket, for what only a socket does: breaking off, falling silent, not being HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, cast

Handler = Callable[["Exchange"], None]


@dataclass
class Exchange:
    """One request on one connection, which the handler may answer in any way.

    :param head: the request's first lines and headers.
    :param body: its body.
    :param connection: the socket.
    :param number: how many requests came before it.
    :param length: the length of the body, kept or not.
    """

    head: str
    body: bytes
    connection: socket.socket
    number: int
    length: int = 0

    @property
    def target(self) -> str:
        """The path and query that are asked for."""
        return self.head.split(" ")[1]

    def send(self, data: bytes) -> None:
        """Send raw bytes."""
        self.connection.sendall(data)

    def begin(self, content_type: str = "text/event-stream") -> None:
        """Begin an answer that comes in chunks."""
        self.send(
            f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )

    def chunk(self, data: bytes) -> None:
        """Send one chunk; an empty one ends the answer."""
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def answer(self, body: bytes, content_type: str = "application/json") -> None:
        """Send a whole answer."""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.send(head.encode() + body)

    def cut(self) -> None:
        """Break the connection off."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class _Server:
    def __init__(self, handler: Handler, keep_bodies: bool) -> None:
        self._handler = handler
        self._keep_bodies = keep_bodies
        self._count = 0
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as buffered:
            stream = cast("BinaryIO", buffered)
            while head := _head(stream):
                length = _length(head)
                body = self._body(stream, length)
                with self._lock:
                    number, self._count = self._count, self._count + 1
                self._handler(Exchange(head, body, connection, number, length))

    def _body(self, stream: BinaryIO, length: int) -> bytes:
        if self._keep_bodies:
            return stream.read(length)
        while length > 0:
            length -= len(stream.read(min(length, 100_000))) or length
        return b""

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _head(stream: BinaryIO) -> str:
    lines = []
    while (line := stream.readline()) not in (b"\r\n", b""):
        lines.append(line.decode())
    return "".join(lines)


def _length(head: str) -> int:
    named = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
    return int(named[0].split(":")[1]) if named else 0


@contextmanager
def serving(handler: Handler, *, keep_bodies: bool = True) -> Iterator[str]:
    """Serve, and give the base URL.

    :param handler: gets each request, in a thread per connection.
    :param keep_bodies: whether it gets their bodies.
    """
    server = _Server(handler, keep_bodies)
    try:
        yield server.url
    finally:
        server.close()
