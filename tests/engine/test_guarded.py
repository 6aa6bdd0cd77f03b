"""A box with a guard: it connects where the guard permits it, and names mean what the guard answers."""

from __future__ import annotations

import asyncio
import select
import signal
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_runloop.local.engine import loopback
from pytest_runloop.local.engine.destinations import Destination, parse
from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.notifications import Call
from pytest_runloop.local.engine.protocol import Box, BoxSpec, Capability
from pytest_runloop.local.engine.questions import Line, Question
from tests.support.boxes import put, say, start
from tests.support.outside import serving

pytestmark = pytest.mark.asyncio

_HAS_IPV6 = Path("/proc/net/if_inet6").exists()
_TRY = """
import errno, json, select, socket, sys
def attempt(call, *arguments):
    try:
        return call(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
def made(kind=socket.SOCK_STREAM, family=socket.AF_INET):
    new = socket.socket(family, kind)
    new.settimeout(30)
    return new
host, port, other = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
"""


@dataclass
class Guard:
    """Permits these ports, and answers each query with a code. Port 9 takes some thought."""

    ports: set[int] = field(default_factory=set)
    asked: list[tuple[str, int]] = field(default_factory=list)
    queries: list[tuple[bytes, bool]] = field(default_factory=list)
    thinking: asyncio.Queue[None] = field(default_factory=asyncio.Queue)
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    code: int = 3

    async def permits(self, host: str, port: int) -> bool:
        self.asked.append((host, port))
        if port == 9:
            self.thinking.put_nowait(None)
            await self.decided.wait()
        return port in self.ports

    async def answer(self, query: bytes, *, stream: bool) -> bytes | None:
        self.queries.append((query, stream))
        return query[:2] + b"\x81" + bytes([0x80 | self.code]) + query[4:]


@pytest.fixture
def guard() -> Guard:
    return Guard()


@pytest.fixture
def guarded(engine: SandboxEngine, guard: Guard) -> BoxSpec:
    assert Capability.PRIVATE_PORTS in engine.capabilities
    return BoxSpec("guarded", guard=guard)


async def _python(box: Box, source: str, *arguments: object) -> str:
    await put(box, "script.py", (_TRY + source).encode())
    return await say(box, f"python script.py {' '.join(map(str, arguments))}")


async def test_a_connection_goes_out_if_the_guard_permits_it_and_else_fails_at_once(
    engine: SandboxEngine, guarded: BoxSpec, guard: Guard, outside: str
) -> None:
    source = """
def visit(family, host, port):
    with made(family=family) as client:
        client.connect((host, port))
        return client.recv(9).decode()
print(*(attempt(visit, socket.AF_INET, host, each) for each in (port, other)))
print(*(attempt(visit, socket.AF_INET6, f"::ffff:{host}", each) for each in (port, other)))
hasty = made()
hasty.setblocking(False)
print(attempt(hasty.connect, (host, other)))
inner = socket.create_server(("127.0.0.1", other))
print(attempt(made().connect_ex, ("127.0.0.1", other)))
again = made()
again.connect((host, port))
again.recv(9)
print(attempt(again.connect, (host, other)))
"""
    box = await engine.boot(guarded)
    with serving(outside, b"hello") as open_port, serving(outside, b"secret") as closed:
        guard.ports = {open_port}
        said = await _python(box, source, outside, open_port, closed)
    assert said.splitlines() == ["hello EACCES", "hello EACCES", "EACCES", "0", "EACCES"]
    assert guard.asked == [
        (outside, port) for port in (open_port, closed, open_port, closed, closed, open_port, closed)
    ]


async def test_datagrams_go_where_the_guard_permits_it_by_every_call(
    engine: SandboxEngine, guarded: BoxSpec, guard: Guard, outside: str
) -> None:
    source = """
import ctypes
made_out = made(socket.SOCK_DGRAM)
print(attempt(made_out.sendto, b"a", (host, port)), attempt(made_out.sendto, b"b", (host, other)))
print(attempt(made_out.sendmsg, [b"c"], [], 0, (host, other)))
print(attempt(made_out.sendmsg, [b"d"], [], 0, ("127.0.0.1", other)))
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("size", ctypes.c_size_t)]
class Message(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("name_size", ctypes.c_uint), ("vectors", ctypes.POINTER(Vector)),
                ("count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_size", ctypes.c_size_t),
                ("flags", ctypes.c_long), ("sent", ctypes.c_long)]
def many(*names):
    vector = Vector(b"e", 1)
    messages = (Message * len(names))(*(
        Message(name, len(name or b""), ctypes.pointer(vector), 1, None, 0, 0, 0) for name in names))
    libc = ctypes.CDLL(None, use_errno=True)
    if (count := libc.sendmmsg(made_out.fileno(), messages, len(names), 0)) < 0:
        raise OSError(ctypes.get_errno(), "sendmmsg")
    return count
address = socket.AF_INET.to_bytes(2, "little") + other.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)
print(attempt(many, None, address))
made_out.connect((host, port))
print(attempt(made_out.sendmsg, [b"f"]), attempt(many, None, None))
print(attempt(made_out.connect, (host, other)))
left, right = socket.socketpair()
socket.send_fds(left, [b"g"], [made_out.fileno()])
print(len(socket.recv_fds(right, 9, 1)[1]))
"""
    box = await engine.boot(guarded)
    with _hearing(outside) as open_one, _hearing(outside) as closed:
        guard.ports = {open_one.getsockname()[1]}
        said = await _python(box, source, outside, *(each.getsockname()[1] for each in (open_one, closed)))
        heard = [open_one.recv(9) for _ in range(4)]
        closed.setblocking(False)
        with pytest.raises(BlockingIOError):
            closed.recv(9)
    assert said.splitlines() == ["1 EACCES", "EACCES", "EACCES", "EACCES", "1 2", "EACCES", "1"]
    assert heard == [b"a", b"f", b"e", b"e"]


def _hearing(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(30)
    made.bind((host, 0))
    return made


async def test_names_are_asked_of_the_guard(engine: SandboxEngine, guarded: BoxSpec, guard: Guard) -> None:
    source = """
try:
    socket.getaddrinfo("service.example", 80, socket.AF_INET)
except socket.gaierror as error:
    print(error.errno == socket.EAI_NONAME)
"""
    box = await engine.boot(guarded)
    assert await _python(box, source, "-", 0, 0) == "True"
    assert guard.queries
    assert all(b"\x07service\x07example" in query and not stream for query, stream in guard.queries)
    assert guard.asked == []


async def test_dns_servers_of_all_kinds_are_played_at_their_own_addresses_in_both_ways(
    engine: SandboxEngine, guarded: BoxSpec, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = ["127.0.0.54", "192.0.2.53", "::1", "2001:db8::53", "fourth"]
    if not _HAS_IPV6:
        servers = [server for server in servers if ":" not in server]
    source = """
for server in host.split(","):
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with made(socket.SOCK_DGRAM, family) as client:
        client.sendto(b"\\1\\2 query", (server, 53))
        answer, sender = client.recvfrom(99)
        print(answer[:2] == b"\\1\\2", sender[0] == server)
    with made(family=family) as client:
        client.connect((server, 53))
        for query in (b"\\1\\2 first", b"\\3\\4 second"):
            client.sendall(len(query).to_bytes(2, "big") + query)
            print(client.recv(99)[2:4] == query[:2])
"""
    for chosen in (servers[:3], servers[3:]):
        monkeypatch.setattr(loopback, "dns_servers", lambda chosen=chosen: chosen)
        box = await engine.boot(guarded)
        played = [server for server in chosen if server != "fourth"]
        said = await _python(box, source, ",".join(played), 0, 0)
        assert said.splitlines() == ["True True", "True", "True"] * len(played)
        await box.destroy()
    assert guard.asked == []


async def test_it_is_guarded_after_a_snapshot_and_a_suspension_too(
    engine: SandboxEngine, guarded: BoxSpec, guard: Guard, outside: str
) -> None:
    source = "print(attempt(made().connect_ex, (host, port)), attempt(made().connect_ex, (host, other)))"
    box = await engine.boot(guarded)
    with serving(outside, b"hello") as open_port:
        guard.ports = {open_port}
        layer = await box.freeze()
        assert await _python(box, source, outside, open_port, 10) == "0 13"
        await box.suspend()
        await box.resume()
        assert await _python(box, source, outside, open_port, 10) == "0 13"
        # What stands on its disk is free.
        free = await engine.boot(BoxSpec("free", layer))
        assert await _python(free, source, outside, open_port, 10) == "0 111"


async def test_a_guard_that_thinks_holds_nobody_else_up_and_nothing_waits_for_the_dead(
    engine: SandboxEngine, guarded: BoxSpec, guard: Guard, outside: str
) -> None:
    box, other = await engine.boot(guarded), await engine.boot(BoxSpec("other"))
    source = "print(made().connect_ex((host, port)))"
    with serving(outside, b"hello") as port:
        guard.ports = {port, 9}
        await put(box, "hang.py", (_TRY + "made().connect((host, 9))").encode())
        process = await start(box, f"exec python hang.py {outside} 0 0")
        await guard.thinking.get()
        for each in (box, other):
            assert await _python(each, source, outside, port, 0) == "0"
        process.signal(signal.SIGKILL)
        assert await process.wait() == 128 + signal.SIGKILL
        guard.decided.set()
        assert await _python(box, source, outside, port, 0) == "0"
        guard.decided.clear()
        await start(box, f"exec python hang.py {outside} 0 0")
        await guard.thinking.get()
    await box.destroy()
    assert not box.ended.done()


async def test_a_guard_that_fails_permits_nothing(engine: SandboxEngine, outside: str) -> None:
    class Broken(Guard):
        async def permits(self, host: str, port: int) -> bool:
            raise asyncio.CancelledError

    box = await engine.boot(BoxSpec("box", guard=Broken()))
    with serving(outside, b"hello") as port:
        assert await _python(box, "print(made().connect_ex((host, port)))", outside, port, 0) == "13"


async def test_what_the_line_does_not_take_now_follows_in_order() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    poll = select.epoll()
    with theirs, poll:
        line = Line(ours, poll)
        for port in range(2000):
            line.ask(Question(_NOBODY, _destination(port)))
        theirs.setblocking(False)
        said: list[bytes] = []
        while len(said) < 2000:
            for descriptor, events in poll.poll(0):
                assert descriptor == line.fileno()
                assert events == select.EPOLLOUT
                line.flush()
            said += _all_of(theirs)
        assert b'"port": 1999' in said[-1]
        assert poll.poll(0) == []
        theirs.send(b'{"id": 7, "permitted": true}')
        ((question, permitted),) = line.answers()
        assert (question.destination.port, permitted) == (7, True)
        theirs.close()
        with pytest.raises(EOFError):
            list(line.answers())
        assert len(line.close()) == 1999


_NOBODY = Call.__new__(Call)


def _all_of(line: socket.socket) -> list[bytes]:
    said = []
    while True:
        try:
            said.append(line.recv(999))
        except BlockingIOError:
            return said


def _destination(port: int) -> Destination:
    raw = struct.pack("=H2s4s8x", socket.AF_INET, port.to_bytes(2, "big"), socket.inet_aton("192.0.2.1"))
    found = parse(raw)
    assert found is not None
    return found
