"""The supervisor that leads boxes' sockets out: one process per engine, in the host's network.

A box has a network of its own, and in it nothing but its loopback. Where a program in it connects a socket to
an address outside, the kernel asks here (`network.hand_over`). The supervisor makes a socket of the same
kind in the host's network, connects it, and puts it in the place of the program's own: what travels through
it afterwards costs nothing extra. What stays inside is left to the kernel.

A socket that was led out stays out. All its later calls that could turn it to the host's own loopback are
asked about too, and refused; the kernel is never told to go on with one.

Runs in a fork of the zygote, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import resource
import select
import signal
import socket
import struct
import time

from pytest_runloop.local.engine import seccomp, socket_options, syscalls
from pytest_runloop.local.engine.destinations import LONGEST, Destination, parse
from pytest_runloop.local.engine.followers import Followers
from pytest_runloop.local.engine.network import cookie
from pytest_runloop.local.engine.notifications import Call
from pytest_runloop.local.engine.pulse import Pulse

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from collections.abc import Callable

_SWEEP = 1.0  # seconds between looks for callers that no longer wait
_LONGEST_MESSAGE = 4096  # bytes
_LONGEST_DATAGRAM = 65535  # bytes
_FIRST_EPHEMERAL = 32768
_MOST_DESCRIPTORS = 1024  # of a zygote that has just begun

_libc = ctypes.PyDLL(None, use_errno=True)


class _Box:
    """What is known of a box.

    :param listener: tells of its calls.
    :param network: the cookie of its network.
    :param reachable: see `Destination.leads_out`.
    """

    __slots__ = ("listener", "network", "reachable")

    def __init__(self, listener: int, network: int, reachable: set[tuple[bytes, int]]) -> None:
        self.listener, self.network, self.reachable = listener, network, reachable


class _Connecting:
    """A connect that blocks its caller.

    :param deadline: when the caller's own time limit ends, of the monotonic clock; `None` without one.
    """

    __slots__ = ("box", "call", "deadline", "inode", "socket")

    def __init__(self, box: _Box, call: Call, connecting: socket.socket) -> None:
        self.box, self.call, self.socket = box, call, connecting
        self.inode = os.fstat(connecting.fileno()).st_ino
        limit = _time_limit(connecting)
        self.deadline = time.monotonic() + limit if limit else None


class Supervisor:
    """Answers the calls of all boxes of an engine, one after another, without ever waiting for one.

    :param post: brings the boxes.
    :param pulse: brings questions whether we still answer (`pulse.py`). A box can make us wait: the kernel
        reads its memory for us, which may lie wherever the box put it.
    """

    def __init__(self, post: socket.socket, pulse: socket.socket) -> None:
        self._post = post
        self._pulse = pulse
        self._poll = select.epoll()
        self._boxes: dict[int, _Box] = {}
        self._connecting: dict[int, _Connecting] = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
            self._network = cookie(any_socket)
        numbers = seccomp.architecture().calls
        self._operations: dict[int, Callable[[_Box, Call], None]] = {
            numbers["connect"]: self._connect,
            numbers["sendto"]: self._send,
            numbers["listen"]: self._listen,
        }

    def run(self) -> None:
        """Serve until killed."""
        self._poll.register(self._post, select.EPOLLIN)
        self._poll.register(self._pulse, select.EPOLLIN)
        while True:
            for descriptor, events in self._poll.poll(self._patience()):
                if descriptor == self._post.fileno():
                    self._take_in()
                elif descriptor == self._pulse.fileno():
                    self._pulse.send(self._pulse.recv(1))
                elif descriptor in self._connecting:
                    self._finish(descriptor)
                elif descriptor in self._boxes:
                    self._serve(self._boxes[descriptor], events)
            self._sweep()

    def _patience(self) -> float | None:
        """Return how many seconds may pass before the next `_sweep`."""
        if not self._connecting:
            return None
        now = time.monotonic()
        deadlines = [each.deadline - now for each in self._connecting.values() if each.deadline is not None]
        return max(0.0, min([_SWEEP, *deadlines]))

    def _take_in(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self._post, _LONGEST_MESSAGE, 1)
        message = json.loads(data)
        reachable = {(socket.inet_pton(_family(host), host), port) for host, port in message["reachable"]}
        listener = descriptors[0]
        self._boxes[listener] = _Box(listener, message["network"], reachable)
        self._poll.register(listener, select.EPOLLIN)

    def _serve(self, box: _Box, events: int) -> None:
        if events & select.EPOLLIN:
            with contextlib.suppress(OSError):  # Its caller was killed, or caught a signal.
                call = Call(box.listener)
                self._answer(box, call)
        elif events & select.EPOLLHUP:
            self._forget(box)

    def _answer(self, box: _Box, call: Call) -> None:
        try:
            self._operations[call.number](box, call)
        except OSError as error:
            call.give(-(error.errno or errno.EIO))

    def _forget(self, box: _Box) -> None:
        """Let go of a box that has ended."""
        for connecting in [each for each in self._connecting.values() if each.box is box]:
            self._drop(connecting)
        self._poll.unregister(box.listener)
        del self._boxes[box.listener]
        os.close(box.listener)

    # The calls

    def _connect(self, box: _Box, call: Call) -> None:
        number, address, length = call.arguments[:3]
        asked = _asked(call, number, address, length)
        if asked is None:
            call.go_on()
            return
        destination, given = asked
        with given:
            network = cookie(given)
            if network == self._network:
                self._connect_again(box, call, destination, given)
            elif network == box.network and destination.leads_out(box.reachable) and _may_move(given):
                self._lead_out(box, call, destination, given)
            else:
                call.go_on()

    def _lead_out(self, box: _Box, call: Call, destination: Destination, given: socket.socket) -> None:
        """Connect another socket, and put it in the place of this one."""
        outside = _like(given)
        try:
            code = _libc_connect(outside, destination)
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
            self._put(call, outside, given)
            self._settle(box, call, outside, code, blocks=_blocks(given))
        except BaseException:
            outside.close()
            raise

    def _connect_again(self, box: _Box, call: Call, destination: Destination, outside: socket.socket) -> None:
        """Connect a socket that was led out before: again, or still."""
        if not destination.leads_out(box.reachable):
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        blocks = _blocks(outside)
        outside.setblocking(False)
        code = _libc_connect(outside, destination)
        if blocks:
            os.set_blocking(outside.fileno(), True)
        if code == errno.EALREADY and blocks:  # A signal took the caller out of its first call.
            code = errno.EINPROGRESS
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
        # Not `dup` of the socket: that passes the blocking on, which both share.
        self._settle(box, call, socket.socket(fileno=os.dup(outside.fileno())), code, blocks=blocks)

    def _put(self, call: Call, outside: socket.socket, given: socket.socket) -> None:
        if _blocks(given):
            os.set_blocking(outside.fileno(), True)
        Followers(call, call.arguments[0]).move_to(outside.fileno())

    def _settle(self, box: _Box, call: Call, outside: socket.socket, code: int, *, blocks: bool) -> None:
        """Answer with the outcome of a connect, now or when there is one."""
        if code == errno.EINPROGRESS and blocks:
            self._wait_for(_Connecting(box, call, outside))
            return
        outside.close()
        call.give(-code)

    def _wait_for(self, connecting: _Connecting) -> None:
        for earlier in list(self._connecting.values()):
            if earlier.inode == connecting.inode:  # A signal handler ran, and its thread calls again.
                connecting.deadline = earlier.deadline
                self._drop(earlier)
        self._connecting[connecting.socket.fileno()] = connecting
        self._poll.register(connecting.socket, select.EPOLLOUT)

    def _send(self, box: _Box, call: Call) -> None:
        number, data, size, flags, address, length = call.arguments
        asked = _asked(call, number, address, length)
        if asked is None:
            call.go_on()
            return
        destination, given = asked
        datagram = (data, size, flags)
        with given:
            network, leads_out = cookie(given), destination.leads_out(box.reachable)
            if given.type != socket.SOCK_DGRAM:  # A stream has its destination already.
                call.go_on()
            elif network == self._network:
                if not leads_out:
                    raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
                call.give(_send_on(given, call, datagram, destination))
            elif network == box.network and leads_out and _may_move(given):
                self._send_out(call, datagram, destination, given)
            else:
                call.go_on()

    def _send_out(
        self, call: Call, datagram: tuple[int, int, int], destination: Destination, given: socket.socket
    ) -> None:
        with _like(given) as outside:
            count = _send_on(outside, call, datagram, destination)
            self._put(call, outside, given)
            call.give(count)

    def _listen(self, _: _Box, call: Call) -> None:
        with call.socket(call.arguments[0]) as given:
            if given.family in (socket.AF_INET, socket.AF_INET6) and cookie(given) == self._network:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        call.go_on()

    # Those who wait

    def _finish(self, descriptor: int) -> None:
        connecting = self._connecting[descriptor]
        code = connecting.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._drop(connecting)
        connecting.call.give(-code)

    def _drop(self, connecting: _Connecting) -> None:
        del self._connecting[connecting.socket.fileno()]
        self._poll.unregister(connecting.socket)
        connecting.socket.close()

    def _sweep(self) -> None:
        """Drop those whose caller was killed or caught a signal, and answer those whose time is up."""
        now = time.monotonic()
        for connecting in list(self._connecting.values()):
            if connecting.deadline is not None and connecting.deadline <= now:
                self._drop(connecting)
                connecting.call.give(-errno.EINPROGRESS)
            elif not connecting.call.waits():
                self._drop(connecting)


def _asked(call: Call, number: int, address: int, length: int) -> tuple[Destination, socket.socket] | None:
    """Return where a call wants to go, and with what; `None` if that is none of our business.

    We may not look into the agent, which is the engine's own and stays inside.
    """
    if ctypes.c_int(length).value < 0 or ctypes.c_int(number).value < 0:
        return None
    try:
        destination = parse(call.read(address, min(length & 0xFFFFFFFF, LONGEST)))
        return None if destination is None else (destination, call.socket(ctypes.c_int(number).value))
    except OSError:
        return None


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _blocks(of: socket.socket) -> bool:
    return os.get_blocking(of.fileno())


def _may_move(given: socket.socket) -> bool:
    """Tell whether a socket is free of what another could not take over: a port, an address, a connection."""
    host, port = given.getsockname()[:2]
    if _has_peer(given):  # Only a datagram socket may be connected again.
        return given.type == socket.SOCK_DGRAM
    if host not in ("0.0.0.0", "::"):
        return False
    return given.type == socket.SOCK_STREAM or port == 0 or port >= _FIRST_EPHEMERAL


def _has_peer(given: socket.socket) -> bool:
    try:
        given.getpeername()
    except OSError:
        return False
    return True


def _like(given: socket.socket) -> socket.socket:
    outside = socket.socket(
        given.family, given.type | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, given.proto
    )
    socket_options.copy(given, outside)
    return outside


def _libc_connect(outside: socket.socket, destination: Destination) -> int:
    raw = destination.raw
    failed = _libc.connect(outside.fileno(), raw, len(raw))
    return ctypes.get_errno() if failed else 0


def _send_on(outside: socket.socket, call: Call, what: tuple[int, int, int], destination: Destination) -> int:
    """Send a datagram for a caller.

    :param what: address, size and flags, as of `sendto`.
    :return: the number of bytes sent.
    """
    data, size, flags = what
    if size > _LONGEST_DATAGRAM:
        raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
    content, raw = call.read(data, size) if size else b"", destination.raw
    flags = ctypes.c_int(flags | socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL).value
    count: int = _libc.sendto(outside.fileno(), content, ctypes.c_size_t(size), flags, raw, len(raw))
    if count < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return count


def _time_limit(of: socket.socket) -> float:
    seconds, microseconds = struct.unpack("=qq", of.getsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, 16))
    return float(seconds + microseconds / 1e6)


def start() -> tuple[socket.socket, Pulse, int]:
    """Fork the supervisor of a zygote. It dies with the thread that calls.

    :return: the way to it, for `network.hand_over`; what sees whether it hangs; and a pidfd: without it no
        box can connect any more.
    :raises OSError: if the kernel is too old, or nothing can be forked.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    asking, answering = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    pid = os.fork()
    if pid == 0:
        _be(theirs, answering)
    theirs.close()
    answering.close()
    pulse = Pulse(asking, "the supervisor, which leads the devboxes' connections out,")
    return ours, pulse, os.pidfd_open(pid)


def _be(post: socket.socket, pulse: socket.socket) -> None:
    """Be the supervisor. Never returns."""
    try:
        syscalls.die_with_parent()
        low = 3
        for kept in (*sorted((post.fileno(), pulse.fileno())), _MOST_DESCRIPTORS):
            os.closerange(low, kept)
            low = kept + 1
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        syscalls.set_name("runloop-egress")
        syscalls.set_dumpable(False)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        Supervisor(post, pulse).run()
    finally:
        os._exit(1)
