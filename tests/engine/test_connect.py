"""Connections from the server to ports inside a box, in every tier that this machine has."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pytest_runloop.local.engine.protocol import Box, BoxGoneError, BoxSpec, Capability, Engine, Process
from tests.support.boxes import get, put, say, start
from tests.support.tiers import opened

pytestmark = pytest.mark.asyncio

_SERVER = """
import os, signal, socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
listener = socket.socket(family)
listener.bind((sys.argv[1], 0))
listener.listen(int(sys.argv[2]))
with open("port.new", "w") as file:
    file.write(str(listener.getsockname()[1]))
os.rename("port.new", "port")
while sys.argv[3] == "echo":
    connection, _ = listener.accept()
    while data := connection.recv(65536):
        connection.sendall(data.upper())
    connection.close()
signal.pause()
"""
_HAS_IPV6 = Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text() != ""


@pytest_asyncio.fixture(params=["namespace", "landlock", "process"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    engine = await opened(request.param, tmp_path / "state")
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def box(engine: Engine) -> Box:
    return await engine.boot(BoxSpec("box"))


async def _serve(
    box: Box, host: str = "127.0.0.1", *, backlog: int = 5, how: str = "echo"
) -> tuple[int, Process]:
    await put(box, "server.py", _SERVER.encode())
    server = await start(box, f"rm -f port; exec python3 server.py {host} {backlog} {how}")
    await say(box, "until [ -e port ]; do sleep 0.01; done")
    return int(await get(box, "port")), server


async def _shout(connection: socket.socket, words: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    heard = bytearray()

    async def listen() -> None:
        while data := await loop.sock_recv(connection, 65_536):
            heard.extend(data)

    listening = asyncio.create_task(listen())
    await loop.sock_sendall(connection, words)
    connection.shutdown(socket.SHUT_WR)
    await listening
    return bytes(heard)


def _connections() -> int:
    """Count the internet sockets of this process. Engines have others, which come and go."""
    count = 0
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError), socket.socket(fileno=int(name)) as opened:
            count += opened.family in (socket.AF_INET, socket.AF_INET6)
            opened.detach()
    return count


async def test_what_is_said_to_a_port_arrives_inside_and_comes_back(box: Box) -> None:
    port, _ = await _serve(box)
    for words in (b"hello", b"x" * 5_000_000):
        with await box.connect(port) as connection:
            assert not connection.getblocking()
            assert await _shout(connection, words) == words.upper()


@pytest.mark.parametrize("engine", ["container"], indirect=True)
async def test_a_connection_comes_out_of_a_container_too(box: Box) -> None:
    port, _ = await _serve(box)
    with await box.connect(port) as connection:
        assert await _shout(connection, b"hello") == b"HELLO"


@pytest.mark.skipif(not _HAS_IPV6, reason="this machine has no IPv6")
async def test_a_service_that_knows_ipv6_only_is_found(box: Box) -> None:
    port, _ = await _serve(box, "::1")
    with await box.connect(port) as connection:
        assert await _shout(connection, b"hello") == b"HELLO"


async def test_where_nothing_listens_the_error_names_port_and_devbox(box: Box) -> None:
    port, server = await _serve(box)
    server.signal(signal.SIGKILL)
    await server.wait()
    before = _connections()
    with pytest.raises(ConnectionRefusedError, match=f"nothing listens on port {port} of devbox box"):
        await box.connect(port)
    assert _connections() == before


@pytest.mark.parametrize("port", [0, -1, 65_536])
async def test_what_is_no_port_is_refused(box: Box, port: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 65535"):
        await box.connect(port)


async def test_a_service_that_takes_no_connections_holds_nobody_up(box: Box) -> None:
    port, _ = await _serve(box, backlog=0, how="deaf")
    before = _connections()
    calls = [asyncio.create_task(box.connect(port)) for _ in range(8)]
    await asyncio.sleep(0)  # Now all have asked.
    # The agent answers in order, so all eight are under way when this comes back.
    assert await say(box, "echo on") == "on"
    waiting = [call for call in calls if not call.done()]
    assert waiting
    for call in calls:
        call.cancel()
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, socket.socket):
            outcome.close()
    assert _connections() == before


async def test_an_ended_box_has_no_ports(box: Box) -> None:
    port, _ = await _serve(box)
    connection = await box.connect(port)
    await box.suspend()
    with pytest.raises(BoxGoneError):
        await box.connect(port)
    # The kernel resets what a service had not taken when it was killed.
    with connection, contextlib.suppress(ConnectionResetError):
        assert await asyncio.get_running_loop().sock_recv(connection, 1) == b""
    await box.destroy()
    with pytest.raises(BoxGoneError):
        await box.connect(port)


async def test_the_agent_keeps_no_connection(box: Box) -> None:
    port, _ = await _serve(box)
    # Were a copy left anywhere, the service would not see the end of the first, nor turn to the last.
    for _ in range(3):
        (await box.connect(port)).close()
    with await box.connect(port) as connection:
        assert await _shout(connection, b"next") == b"NEXT"


class _Shouting(asyncio.Protocol):
    """Sends back what comes, in capitals."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data.upper())


_ASK = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.sendall(b"hello")
    print(connection.recv(5).decode())
"""


async def _ask(box: Box, port: int) -> str:
    return await say(box, f"python3 ask.py {port} 2>&1 | tail -n 1")


async def test_a_port_is_served_from_outside_whenever_the_box_was_booted(box: Box, engine: Engine) -> None:
    await put(box, "ask.py", _ASK.encode())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    await box.serve(port, _Shouting)
    assert await _ask(box, port) == "HELLO"
    with pytest.raises(OSError, match="in use"):
        await box.serve(port, _Shouting)
    await box.freeze()
    assert await _ask(box, port) == "HELLO"
    await box.suspend()
    await box.resume()
    assert await _ask(box, port) == "HELLO"
    if Capability.PRIVATE_PORTS in engine.capabilities:
        other = await engine.boot(BoxSpec("other"))
        await put(other, "ask.py", _ASK.encode())
        assert "refused" in await _ask(other, port)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    before = _connections()
    await box.destroy()
    assert _connections() == before - 1
