"""Connections that carry several requests, in whatever pieces they come."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from pytest_runloop.local.engine.select import open_engine
from pytest_runloop.local.protocol import HttpProtocol, web_socket
from pytest_runloop.local.settings import Settings

from .box import Box, refused
from .running import PATIENCE, Server, inside

_LARGE = 700_000
_HEAD = (
    b'--b\r\nContent-Disposition: form-data; name="path"\r\n\r\n%b\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
)


@dataclass
class Wire:
    """A connection to the server, on which requests are written by hand."""

    server: Server
    socket: socket.socket
    answers: IO[bytes]

    def request(self, verb: str, path: str, body: bytes = b"", *headers: str) -> bytes:
        """Return the bytes of a request."""
        given = "".join(f"{header}\r\n" for header in (f"Content-Length: {len(body)}", *headers))
        if "Authorization" not in given:
            given += f"Authorization: Bearer {self.server.api_key}\r\n"
        return f"{verb} {path} HTTP/1.1\r\nHost: here\r\n{given}\r\n".encode() + body

    def upload(self, box: Box, path: str, content: bytes, *headers: str) -> bytes:
        """Return the bytes of an upload."""
        body = _HEAD % path.encode() + content + b"\r\n--b--\r\n"
        kind = "Content-Type: multipart/form-data; boundary=b"
        return self.request("POST", f"/v1/devboxes/{box.id}/upload_file", body, *headers, kind)

    def send(self, data: bytes, *cuts: int) -> None:
        """Send bytes, in pieces that end at these places."""
        for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
            self.socket.sendall(data[start:end])

    def answer(self) -> tuple[int, bytes]:
        """Read one answer, and return its status and its body."""
        status = int(self.answers.readline().split()[1])
        length = 0
        while line := self.answers.readline().strip().lower():
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return status, self.answers.read(length)


@contextmanager
def _wire(server: Server) -> Iterator[Wire]:
    url = urlsplit(server.base_url)
    with socket.create_connection((str(url.hostname), url.port or 80), PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection.makefile("rb") as answers:
            yield Wire(server, connection, answers)


@pytest.fixture
def wire(backend: Server) -> Iterator[Wire]:
    with _wire(backend) as made:
        yield made


@pytest.mark.parametrize("seed", range(4))
def test_large_uploads_in_any_pieces_arrive_whole_and_in_turn(wire: Wire, shared: Box, seed: int) -> None:
    chance = random.Random(seed)
    files = {f"turn{number}": chance.randbytes(_LARGE + number) for number in range(3)}
    info = wire.request("GET", f"/v1/devboxes/{shared.id}")
    data = b"".join(wire.upload(shared, name, content) + info for name, content in files.items())
    wire.send(data, *sorted(chance.sample(range(len(data)), 12)))
    for _ in files:
        assert wire.answer() == (200, b"{}")
        status, view = wire.answer()
        assert (status, shared.id.encode() in view) == (200, True)
    for name, content in files.items():
        assert shared.post("download_file", {"path": name}).content == content


def test_after_a_large_request_that_was_refused_the_connection_goes_on(wire: Wire, shared: Box) -> None:
    content = b"x" * (8 * _LARGE)
    wire.send(wire.upload(shared, "refused", content, "Authorization: Bearer wrong"))
    assert wire.answer()[0] == 401
    wire.send(wire.request("POST", "/v1/devboxes", b'{"name": "' + content))
    assert wire.answer()[0] == 400
    wire.send(wire.upload(shared, "taken", content) + wire.request("GET", "/v1/devboxes?limit=0"))
    assert wire.answer() == (200, b"{}")
    assert wire.answer()[0] == 400
    assert shared.text("stat -c %s taken; ls refused || rm taken") == f"{len(content)}\n"


def test_a_large_upload_may_ask_first(wire: Wire, shared: Box) -> None:
    request = wire.upload(shared, "asked", b"y" * _LARGE, "Expect: 100-continue")
    head = request.index(b"\r\n\r\n") + 4
    wire.send(request[:head])
    assert wire.answer() == (100, b"")
    wire.send(request[head:])
    assert wire.answer() == (200, b"{}")
    assert shared.text("stat -c %s asked; rm asked") == f"{_LARGE}\n"


class _Hasty(HttpProtocol):
    head_seconds = 0.2


@asynccontextmanager
async def _serving(
    app: ASGIApp, **how: Any
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve an application to one connection, and give its both directions."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, **{"ws": "none", **how})
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Hasty(config, ServerState(), {}), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield reader, writer
        writer.close()
        await writer.wait_closed()


async def _slow(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer after longer than a head may take."""
    while (await receive()).get("more_body"):
        pass
    await asyncio.sleep(0.5)
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        (b"", 0),
        (b"GET / HTTP/1.1\r\nHost: here\r\n", 0),
        (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" * 2 + b"GET /", 2),
        (b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: 400000\r\n\r\n" + b"x" * 400_000 + b"GET /", 1),
    ],
    ids=["nothing", "half a head", "half a third head", "half a head after a large body"],
)
async def test_a_head_that_never_ends_does_not_hold_its_connection(sent: bytes, answers: int) -> None:
    async with _serving(_slow) as (reader, writer):
        writer.write(sent)
        for _ in range(answers):
            assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 OK")
        writer.write(b" HTTP/1.1\r\n" if answers else b"")
        assert await reader.read() == b""


async def _late(scope: Scope, receive: Receive, send: Send) -> None:
    """Say something on a WebSocket, after longer than a head may take."""
    await receive()
    await send({"type": "websocket.accept"})
    await asyncio.sleep(0.5)
    await send({"type": "websocket.send", "text": "late"})


@pytest.mark.asyncio
@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"])
async def test_what_has_become_a_web_socket_is_no_head_that_never_ends(before: bytes) -> None:
    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        await (_late if scope["type"] == "websocket" else _early)(scope, receive, send)

    head = (
        b"GET /pty/one HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    async with _serving(either, ws=web_socket) as (reader, writer):
        if before:
            writer.write(before)
            await reader.readuntil(b"\r\n\r\nok")
        writer.write(head)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert await reader.readexactly(6) == b"\x81\x04late"


async def _early(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without a look at the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.asyncio
@pytest.mark.parametrize("answered", [False, True])
async def test_a_body_that_is_no_http_ends_its_connection_and_nothing_else_fails(
    answered: bool, caplog: pytest.LogCaptureFixture
) -> None:
    head, wrong = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n", b"no size\r\n"
    async with _serving(_early) as (reader, writer):
        writer.write(head if answered else head + wrong)
        if answered:
            await reader.readuntil(b"\r\n\r\nok")
            writer.write(wrong)
        assert (b"400 Bad Request" in await reader.read()) is not answered
    assert {record.levelname for record in caplog.records} <= {"WARNING", "DEBUG"}


@pytest.mark.asyncio
async def test_a_body_that_stands_still_ends_its_request_and_leaves_nothing(tmp_path: Path) -> None:
    form = _HEAD % b"half" + b"more"
    never = asyncio.Event()

    async def body(start: bytes) -> AsyncIterator[bytes]:
        yield start
        await never.wait()

    engine = await open_engine("process", tmp_path)
    async with inside(engine, tmp_path, Settings(body_stall=0.2)) as within:
        devbox = await within.create()
        await within.reach(devbox, "running")
        where = f"/v1/devboxes/{devbox}"
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        for path, start, headers in (("/v1/devboxes", b'{"na', {}), (f"{where}/upload_file", form, kind)):
            answer = await within.api.post(path, content=body(start), headers=headers)
            refused(answer, 408, "timed_out", "nothing more of the body", "0.2 s")
        answer = await within.api.post(f"{where}/read_file_contents", json={"file_path": "half"})
        refused(answer, 404, "file_not_found")
