"""A server that answers as a test wants, in threads of the test's process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A request."""

    line: str
    key: str
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """An answer: JSON, or a page."""

    body: object
    status: int = 200
    kind: str = "application/json"
    location: str = ""


Answer = Callable[[Asked], Said | None]
"""Answers a request; with `None` it goes on waiting for an answer for ever."""


@dataclass
class Stub:
    """A running server, and what it was asked."""

    base_url: str
    asked: list[Asked] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the request lines so far."""
        return [asked.line for asked in self.asked]


@contextmanager
def stub(answer: Answer) -> Iterator[Stub]:
    """Run a server."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = Asked(
                f"{self.command} {self.path}",
                self.headers.get("x-request-id") or "",
                json.loads(content) if content else {},
            )
            running.asked.append(asked)
            said = answer(asked)
            if said is None:
                ended.wait()
                self.close_connection = True
            else:
                self._say(said)

        def _say(self, said: Said) -> None:
            content = (
                str(said.body).encode() if said.kind != "application/json" else json.dumps(said.body).encode()
            )
            self.send_response(said.status)
            self.send_header("content-type", said.kind)
            self.send_header("content-length", str(len(content)))
            if said.location:
                self.send_header("location", said.location)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _handle  # noqa: N815 - the names that the library calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Stub(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield running
    finally:
        ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
