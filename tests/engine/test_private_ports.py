"""A box's network: ports of its own, nothing of the host's loopback, and everything outside."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.protocol import Box, BoxSpec, Capability
from tests.support.boxes import put, say, start

pytestmark = pytest.mark.asyncio

_SERVER = """
import socket, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
open("ready", "w").close()
while True:
    connection, _ = listener.accept()
    connection.sendall(sys.argv[2].encode())
    connection.close()
"""
_CLIENT = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 30) as connection:
        print(connection.makefile().read())
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture(autouse=True)
def _private(engine: SandboxEngine) -> None:
    assert Capability.PRIVATE_PORTS in engine.capabilities


@pytest.fixture
def outside() -> str:
    """Return an address of this machine that is not of its loopback, or skip."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but its loopback's")
        host: str = probe.getsockname()[0]
        return host


@contextlib.contextmanager
def serving(host: str, greeting: bytes) -> Iterator[int]:
    """Serve a greeting at an address of this machine, and give the port."""
    with socket.create_server((host, 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.sendall(greeting)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


async def _serve_inside(box: Box, port: int, greeting: str) -> None:
    await put(box, "server.py", _SERVER.encode())
    await put(box, "client.py", _CLIENT.encode())
    await start(box, f"exec python server.py {port} {greeting}")
    await say(box, "until test -e ready; do sleep 0.01; done")


async def _python(box: Box, source: str, *arguments: object) -> str:
    await put(box, "script.py", source.encode())
    return await say(box, f"python script.py {' '.join(map(str, arguments))}")


# Inside


async def test_two_boxes_listen_on_the_same_port_and_each_reaches_its_own(engine: SandboxEngine) -> None:
    one, two = await engine.boot(BoxSpec("one")), await engine.boot(BoxSpec("two"))
    await _serve_inside(one, 8000, "first")
    await _serve_inside(two, 8000, "second")
    assert (
        await say(one, "python client.py 127.0.0.1 8000; python client.py localhost 8000")
        == "first\n\nfirst"[:5] + "\nfirst"
    )
    assert await say(two, "python client.py 127.0.0.1 8000") == "second"


async def test_nobody_outside_reaches_a_port_of_a_box(box: Box, outside: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as finder:
        port = finder.getsockname()[1]
    await _serve_inside(box, port, "hello")
    for host in ("127.0.0.1", outside):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, port))


async def test_a_box_reaches_no_port_of_another(engine: SandboxEngine) -> None:
    one, two = await engine.boot(BoxSpec("one")), await engine.boot(BoxSpec("two"))
    await _serve_inside(one, 8000, "first")
    await put(two, "client.py", _CLIENT.encode())
    assert await say(two, "python client.py 127.0.0.1 8000") == "ConnectionRefusedError"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "0.0.0.0", "localhost", "::ffff:127.0.0.1", "::"])
async def test_a_box_does_not_reach_the_hosts_loopback(box: Box, host: str) -> None:
    await put(box, "client.py", _CLIENT.encode())
    with serving("0.0.0.0", b"secret") as port:
        assert await say(box, f"python client.py {host} {port}") == "ConnectionRefusedError"


async def test_low_ports_are_free_to_listen_on(box: Box) -> None:
    await _serve_inside(box, 80, "web")
    assert await say(box, "python client.py 127.0.0.1 80") == "web"


# Outside


async def test_a_box_reaches_what_is_outside(box: Box, outside: str) -> None:
    await put(box, "client.py", _CLIENT.encode())
    with serving(outside, b"welcome") as port:
        assert await say(box, f"python client.py {outside} {port}") == "welcome"


async def test_a_refused_connection_is_refused_as_on_the_host(box: Box, outside: str) -> None:
    with socket.create_server((outside, 0)) as finder:
        port = finder.getsockname()[1]
    source = """
import errno, socket, sys
blocking, other = socket.socket(), socket.socket()
print(errno.errorcode[blocking.connect_ex((sys.argv[1], int(sys.argv[2])))])
other.setblocking(False)
print(errno.errorcode[other.connect_ex((sys.argv[1], int(sys.argv[2])))])
import select; select.select([], [other], [])
print(errno.errorcode[other.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])
"""
    assert await _python(box, source, outside, port) == "ECONNREFUSED\nEINPROGRESS\nECONNREFUSED"


async def test_a_socket_led_out_keeps_its_options_and_its_number(box: Box, outside: str) -> None:
    source = """
import fcntl, os, select, socket, sys
made = socket.socket()
made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 50000)
made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77)
os.set_inheritable(made.fileno(), True)
def state():
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY), (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
               (socket.SOL_SOCKET, socket.SO_RCVBUF), (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)]
    return [made.fileno(), os.get_inheritable(made.fileno()), os.get_blocking(made.fileno()),
            *(made.getsockopt(*option) for option in options)]
before = state()
made.connect((sys.argv[1], int(sys.argv[2])))
print(state() == before, made.makefile().read())
"""
    with serving(outside, b"hello") as port:
        assert await _python(box, source, outside, port) == "True hello"


async def test_asyncio_connects_out(box: Box, outside: str) -> None:
    source = """
import asyncio, sys
async def main():
    async def one():
        reader, writer = await asyncio.open_connection(sys.argv[1], int(sys.argv[2]))
        said = await reader.read()
        writer.close()
        return said
    print(set(await asyncio.gather(*(one() for _ in range(100)))))
asyncio.run(main())
"""
    with serving(outside, b"hello") as port:
        assert await _python(box, source, outside, port) == "{b'hello'}"


async def test_many_threads_connect_out_at_once(box: Box, outside: str) -> None:
    source = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def one(_):
    with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
        return connection.makefile().read()
with ThreadPoolExecutor(20) as pool:
    print(set(pool.map(one, range(200))))
"""
    with serving(outside, b"hello") as port:
        assert await _python(box, source, outside, port) == "{'hello'}"
