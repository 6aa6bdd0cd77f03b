"""Services outside of devboxes, on this machine: what gateways lead to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

TOOLS = ("search_code", "search_issues", "delete_repository")


@dataclass
class Upstream:
    """A service, and what it was asked.

    :param go: an answer that waits for it goes on then.
    """

    url: str
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def last(self) -> tuple[str, str, dict[str, str], bytes]:
        """Method, target, headers and body of what came last."""
        return self.requests[-1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: ClassVar[Upstream]

    def do_GET(self) -> None:
        """Take note, and do what the path says."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.upstream.requests.append((self.command, self.path, headers, self._body()))
        name = self.path.partition("?")[0].rpartition("/")[2]
        getattr(self, f"on_{name}", self.on_anything)()

    do_POST = do_HEAD = do_PUT = do_DELETE = do_TRACE = do_GET  # noqa: N815

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Send an answer of a known size."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def on_anything(self) -> None:
        """Say that it was understood, with headers that are for the next machine alone."""
        body = f"{self.command} {self.path}".encode()
        self.answer(body, connection="x-next", x_next="1", x_kept="2", set_cookie="a=b")

    def on_elsewhere(self) -> None:
        """Lead to another place."""
        self.answer(b"", 302, location="http://127.0.0.1:1/elsewhere")

    def on_events(self) -> None:
        """Send one event, and another one when it may go on."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(b"data: first\n\n")
        self.upstream.go.wait(60)
        self.wfile.write(b"data: second\n\n")

    def on_broken(self) -> None:
        """Break off within the answer."""
        self.send_response(200)
        self.send_header("content-length", "1000")
        self.end_headers()
        self.wfile.write(b"the beginning")
        self.close_connection = True

    def on_endless(self) -> None:
        """Send events until the other side has gone."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        try:
            while not self.upstream.go.wait(0.01):
                self.wfile.write(b"data: again\n\n")
        except OSError:
            self.upstream.gone.set()

    # An MCP server

    def on_mcp(self) -> None:
        """Answer messages: with JSON, or with events if the client's `x-how` says so."""
        if self.command != "POST":
            self.answer(b"", 405)
            return
        message = json.loads(self.upstream.last[3])
        if "id" not in message:
            self.answer(b"", 202)
            return
        reply = {"jsonrpc": "2.0", "id": message["id"], "result": _result(message)}
        if self.headers.get("x-how") == "events":
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.close_connection = True
            self.wfile.write(b": hello\n\nid: 1\nevent: message\ndata: ")
            self.wfile.write(json.dumps(reply, indent=1).replace("\n", "\ndata: ").encode() + b"\n\n")
        else:
            self.answer(json.dumps(reply).encode(), content_type="application/json", mcp_session_id="s1")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _result(message: dict[str, Any]) -> dict[str, Any]:
    if message["method"] == "tools/list":
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}
    return {"content": [{"type": "text", "text": f"did {message.get('params', {}).get('name')}"}]}


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Run a service."""
    made = Upstream("")
    handler = type("Handler", (_Handler,), {"upstream": made})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            made.go.set()
            server.shutdown()
            thread.join()
