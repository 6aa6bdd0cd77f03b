"""A box's network: ports of its own, nothing of the host's loopback, and everything outside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.protocol import Box, BoxGoneError, BoxSpec, Capability
from pytest_runloop.local.engine.pulse import HungError, Pulse
from tests.support.boxes import put, say, start
from tests.support.outside import serving

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
        await say(one, "python client.py 127.0.0.1 8000; python client.py localhost 8000") == "first\nfirst"
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


async def test_an_epoll_that_watched_the_socket_before_goes_on_to_watch_it(box: Box, outside: str) -> None:
    source = """
import select, socket, sys
watch = select.epoll()
others = [socket.socket() for _ in range(3)]
made = socket.socket()
made.setblocking(False)
watch.register(made, select.EPOLLIN | select.EPOLLET)
made.connect_ex((sys.argv[1], int(sys.argv[2])))
ready = watch.poll(30)
while not any(event & select.EPOLLIN for _, event in ready):  # An epoll may wake without need.
    ready = watch.poll(30)
watch.modify(made, select.EPOLLOUT)
watch.unregister(made)
print(ready[0][0] == made.fileno(), made.recv(100).decode())
"""
    with serving(outside, b"hello") as port:
        assert await _python(box, source, outside, port) == "True hello"


async def test_a_copy_of_the_descriptor_is_connected_too(box: Box, outside: str) -> None:
    source = """
import os, socket, sys
made = socket.socket()
copy = made.dup()
os.set_inheritable(copy.fileno(), True)
made.connect((sys.argv[1], int(sys.argv[2])))
print(copy.recv(100).decode(), os.get_inheritable(copy.fileno()), os.get_inheritable(made.fileno()))
"""
    with serving(outside, b"hello") as port:
        assert await _python(box, source, outside, port) == "hello True False"


@contextlib.contextmanager
def _deaf(host: str) -> Iterator[int]:
    """Listen at an address so that connections neither succeed nor fail, and give the port."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((host, 0), backlog=0))
        for _ in range(4):  # The kernel takes one more than asked for, and some after that.
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_connection_that_hangs_ends_with_the_callers_own_limit_or_signal(
    box: Box, outside: str
) -> None:
    source = """
import errno, signal, socket, struct, sys
address = (sys.argv[1], int(sys.argv[2]))
def limited(seconds):
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("qq", seconds, 100000))
    return made
print(errno.errorcode[limited(0).connect_ex(address)])
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
print(errno.errorcode[limited(1).connect_ex(address)])
def interrupt(*_):
    raise InterruptedError
signal.signal(signal.SIGALRM, interrupt)
made = socket.socket()
try:
    made.connect(address)
except InterruptedError:
    print("interrupted")
signal.setitimer(signal.ITIMER_REAL, 0)
made.setblocking(False)
print(errno.errorcode[made.connect_ex(address)])
"""
    with _deaf(outside) as port:
        said = await _python(box, source, outside, port)
    assert said == "EINPROGRESS\nEINPROGRESS\ninterrupted\nEALREADY"


async def test_a_connection_that_hangs_holds_nobody_up_and_goes_with_its_process(
    engine: SandboxEngine, box: Box, outside: str
) -> None:
    other = await engine.boot(BoxSpec("other"))
    with _deaf(outside) as deaf, serving(outside, b"hello") as port:
        for each in (box, other):
            await put(each, "client.py", _CLIENT.encode())
        connect = "socket.socket().connect((sys.argv[1], int(sys.argv[2])))"
        await put(box, "hang.py", f"import socket, sys; {connect}".encode())
        process = await start(box, f"exec python hang.py {outside} {deaf}")
        await _wait(lambda: len(_sockets(engine)) > 0)
        for each in (box, other):
            assert await say(each, f"python client.py {outside} {port}") == "hello"
        process.signal(signal.SIGKILL)
        assert await process.wait() == 128 + signal.SIGKILL
        await _wait(lambda: not _sockets(engine))


async def test_ten_thousand_connections_leave_nothing_in_the_supervisor(
    engine: SandboxEngine, box: Box, outside: str
) -> None:
    source = """
import errno, socket, sys
refused = 0
for _ in range(10_000):
    with socket.socket() as made:
        refused += made.connect_ex((sys.argv[1], int(sys.argv[2]))) == errno.ECONNREFUSED
print(refused)
"""
    with socket.create_server((outside, 0)) as finder:
        port = finder.getsockname()[1]
    await _python(box, source.replace("10_000", "10"), outside, port)
    place = f"/proc/{_supervisor(engine)}/fd"
    before = _count(place)
    assert await _python(box, source, outside, port) == "10000"
    await _wait(lambda: _count(place) == before)


async def test_datagrams_go_out_and_answers_come_in(box: Box, outside: str) -> None:
    source = """
import errno, socket, sys
address = (sys.argv[1], int(sys.argv[2]))
def made(port=None):
    new = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    new.settimeout(30)
    if port is not None:
        new.bind(("0.0.0.0", port))
    return new
def attempt(call, *arguments):
    try:
        return call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
connected, unbound, bound, service = made(), made(), made(0), made(5353)
connected.connect(address)
print(connected.send(b"a"), connected.recv(100).decode())
for each in (unbound, bound):
    print(each.sendto(b"bc", address), each.recv(100).decode())
print(attempt(service.sendto, b"d", address))  # It would hear no answer at its port.
print(attempt(unbound.sendto, b"e", ("127.0.0.1", address[1])))
print(attempt(connected.connect, ("127.0.0.1", address[1])))
inner = made(7000)
made().sendto(b"inside", ("127.0.0.1", 7000))
print(inner.recv(100).decode())
"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 0))

        def echo() -> None:
            for _ in range(3):
                data, sender = server.recvfrom(100)
                server.sendto(b"echo " + data, sender)

        thread = threading.Thread(target=echo)
        thread.start()
        said = await _python(box, source, outside, server.getsockname()[1])
        assert said.splitlines() == [
            "1 echo a", "2 echo bc", "2 echo bc", "ENETUNREACH", "ENETUNREACH", "ENETUNREACH", "inside",
        ]  # fmt: skip
        thread.join()


async def test_a_socket_that_was_led_out_reaches_no_loopback_and_takes_no_connections(
    box: Box, outside: str
) -> None:
    source = """
import ctypes, errno, select, socket, sys
loopback = ("127.0.0.1", int(sys.argv[3]))
def attempt(call, *arguments):
    try:
        return call(*arguments) or 0
    except OSError as error:
        return errno.errorcode[error.errno]
made = socket.socket()
made.setblocking(False)
made.connect_ex((sys.argv[1], int(sys.argv[2])))
select.select([], [made], [])
made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
print([attempt(made.connect, loopback) for _ in range(3)])
print(attempt(made.listen), attempt(made.sendto, b"x", socket.MSG_FASTOPEN, loopback))
made.setblocking(True)
print([made.connect_ex((sys.argv[1], int(sys.argv[3]))) for _ in range(2)][-1], made.recv(100).decode())
print(ctypes.CDLL(None).syscall(425, 8, None))  # io_uring_setup
"""
    with socket.create_server((outside, 0)) as finder:
        closed = finder.getsockname()[1]
    with serving("0.0.0.0", b"hello") as port:
        said = await _python(box, source, outside, closed, port)
    assert said.splitlines() == [
        "['ENETUNREACH', 'ENETUNREACH', 'ENETUNREACH']",
        "EINVAL ENOTSUP",
        "0 hello",
        "-1",
    ]


async def test_a_network_that_a_devbox_makes_for_itself_is_left_alone(box: Box, outside: str) -> None:
    if not shutil.which("unshare"):
        pytest.skip("no `unshare` to make a network with")
    await put(box, "client.py", _CLIENT.encode())
    with serving(outside, b"hello") as port:
        said = await say(box, f"unshare -rn python client.py {outside} {port}")
    assert said == "OSError"


# Its end


async def test_without_the_supervisor_the_boxes_end_and_the_next_gets_another(
    engine: SandboxEngine, box: Box, outside: str
) -> None:
    os.kill(_supervisor(engine), signal.SIGKILL)
    assert "died" in await asyncio.wait_for(box.ended, 60)
    again = await engine.boot(BoxSpec("again"))
    await put(again, "client.py", _CLIENT.encode())
    with serving(outside, b"hello") as port:
        assert await say(again, f"python client.py {outside} {port}") == "hello"


async def test_a_supervisor_that_hangs_ends_the_boxes_with_that_reason(
    engine: SandboxEngine, box: Box, outside: str
) -> None:
    await put(box, "client.py", _CLIENT.encode())
    os.kill(_supervisor(engine), signal.SIGSTOP)
    # It would wait for ever: nobody tells the kernel what to do with its connection.
    waiting = asyncio.create_task(say(box, f"python client.py {outside} 9"))
    reason = await asyncio.wait_for(box.ended, 120)
    assert "the supervisor, which leads the devboxes' connections out, has not answered for 10 s" in reason
    await asyncio.wait([waiting], timeout=60)
    assert waiting.done()
    with pytest.raises(BoxGoneError, match="has not answered"):
        await put(box, "more", b"")
    again = await engine.boot(BoxSpec("again"))
    await put(again, "client.py", _CLIENT.encode())
    with serving(outside, b"hello") as port:
        assert await say(again, f"python client.py {outside} {port}") == "hello"


async def test_a_helper_that_answers_late_is_not_taken_for_one_that_hangs() -> None:
    asking, answering = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with asking, answering:
        pulse = Pulse(asking, "it", every=0.0)
        pulse.look()
        for _ in range(3):
            for _ in range(9):
                pulse.look()
            answering.send(answering.recv(1))
            pulse.look()
        for _ in range(9):
            pulse.look()
        with pytest.raises(HungError, match="it has not answered"):
            pulse.look()


def _supervisor(engine: SandboxEngine) -> int:
    zygote = engine.zygote().pid
    for pid in Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split():
        if Path(f"/proc/{pid}/comm").read_text() == "runloop-egress\n":
            return int(pid)
    raise AssertionError("the zygote has no supervisor")


def _count(place: str) -> int:
    return sum(1 for _ in Path(place).iterdir())


def _sockets(engine: SandboxEngine) -> list[str]:
    """Return the internet sockets that the supervisor holds."""
    pid = _supervisor(engine)
    lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    known = {f"socket:[{line.split()[9]}]" for line in lines}
    return [link for each in Path(f"/proc/{pid}/fd").iterdir() if (link := _target(each)) in known]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


async def _wait(condition: Callable[[], bool]) -> None:
    def wait() -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    await asyncio.to_thread(wait)
