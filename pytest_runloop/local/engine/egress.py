"""The supervisor that leads boxes' sockets out: one process per engine, in the host's network.

A box has a network of its own, and in it nothing but its loopback. Where a program in it connects a socket to
an address outside, the kernel asks here (`network.hand_over`). The supervisor makes a socket of the same
kind in the host's network, connects it, and puts it in the place of the program's own: what travels through
it afterwards costs nothing extra. What stays inside is left to the kernel.

Where a policy holds a box, the server is asked first whether a destination is permitted (`questions.py`);
the call waits meanwhile, and nothing else does.

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
from pytest_runloop.local.engine.questions import Line, Question

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SWEEP = 1.0  # seconds between looks for callers that no longer wait
_LONGEST_MESSAGE = 4096  # bytes
_LONGEST_DATAGRAM = 65535  # bytes
_FIRST_EPHEMERAL = 32768
_MESSAGE = struct.Struct("=QI")  # the beginning of `struct msghdr`: the address, and its length
_SIZE_IN_SENDMMSG, _MOST_MESSAGES = 64, 1024
_MOST_DESCRIPTORS = 1024  # of a zygote that has just begun

_libc = ctypes.PyDLL(None, use_errno=True)


class _Box:
    """What is known of a box.

    :param listener: tells of its calls.
    :param network: the cookie of its network.
    :param reachable: see `Destination.leads_out`.
    :param played: addresses outside that something inside stands for, with their ports.
    :param line: to whoever decides where it may connect to; `None` where nobody does.
    """

    __slots__ = ("line", "listener", "network", "played", "reachable")

    def __init__(
        self,
        listener: int,
        network: int,
        reachable: set[tuple[bytes, int]],
        played: set[tuple[bytes, int]],
        line: Line | None,
    ) -> None:
        self.listener, self.network, self.line = listener, network, line
        self.reachable, self.played = reachable, played

    def leads_out(self, destination: Destination) -> bool:
        """Tell whether a destination is outside of it."""
        if (destination.host, destination.port) in self.played:
            return False
        return destination.leads_out(self.reachable)

    def may_hide(self, call: Call) -> bool:
        """Tell whether a call that we may not look into is let through.

        We may not look into the agent, which is the engine's own and stays inside. Where a policy holds the
        box, nothing else is let through unseen.
        """
        return self.line is None or call.is_of_first_process()


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
        self._lines: dict[int, _Box] = {}
        self._connecting: dict[int, _Connecting] = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
            self._network = cookie(any_socket)
        numbers = seccomp.architecture().calls
        self._operations: dict[int, Callable[[_Box, Call, Destination | None], None]] = {
            numbers["connect"]: self._connect,
            numbers["sendto"]: self._send,
            numbers["sendmsg"]: self._send_message,
            numbers["sendmmsg"]: self._send_message,
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
                elif descriptor in self._lines:
                    self._hear(self._lines[descriptor], events)
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
        data, descriptors, _, _ = socket.recv_fds(self._post, _LONGEST_MESSAGE, 2)
        message = json.loads(data)
        listener, *lines = descriptors
        line = Line(socket.socket(fileno=lines[0]), self._poll) if lines else None
        reachable, played = _services(message["reachable"]), _services(message["played"])
        box = self._boxes[listener] = _Box(listener, message["network"], reachable, played, line)
        self._poll.register(listener, select.EPOLLIN)
        if line is not None:
            self._lines[line.fileno()] = box

    def _serve(self, box: _Box, events: int) -> None:
        if events & select.EPOLLIN:
            with contextlib.suppress(OSError):  # Its caller was killed, or caught a signal.
                call = Call(box.listener)
                self._answer(box, call)
        elif events & select.EPOLLHUP:
            self._forget(box)

    def _answer(self, box: _Box, call: Call, permitted: Destination | None = None) -> None:
        try:
            self._operations[call.number](box, call, permitted)
        except OSError as error:
            call.give(-(error.errno or errno.EIO))

    def _forget(self, box: _Box) -> None:
        """Let go of a box that has ended."""
        for connecting in [each for each in self._connecting.values() if each.box is box]:
            self._drop(connecting)
        if box.line is not None and box.line.fileno() in self._lines:
            self._hang_up(box.line)
        self._poll.unregister(box.listener)
        del self._boxes[box.listener]
        os.close(box.listener)

    # Those whom a policy holds

    def _permitted(self, box: _Box, call: Call, destination: Destination, permitted: object) -> bool:
        """Tell whether a call may go on now. Else its turn comes when there is an answer.

        :raises OSError: if nobody answers any more.
        """
        if box.line is None or permitted is not None:
            return True
        if box.line.fileno() not in self._lines:
            raise _refused()
        box.line.ask(Question(call, destination))
        return False

    def _hear(self, box: _Box, events: int) -> None:
        """Go on with the calls that were decided on."""
        assert box.line is not None
        if events & select.EPOLLOUT:
            box.line.flush()
        try:
            for question, permitted in box.line.answers():
                with contextlib.suppress(OSError):  # Its caller was killed, or caught a signal.
                    if permitted:
                        self._answer(box, question.call, question.destination)
                    else:
                        question.call.give(-errno.EACCES)
        except EOFError:
            self._hang_up(box.line)

    def _hang_up(self, line: Line) -> None:
        del self._lines[line.fileno()]
        for question in line.close():
            with contextlib.suppress(OSError):
                question.call.give(-errno.EACCES)

    # The calls

    def _connect(self, box: _Box, call: Call, permitted: Destination | None) -> None:
        number, address, length = call.arguments[:3]
        asked = _asked(box, call, number, address, length, permitted)
        if asked is None:
            call.go_on()
            return
        destination, given = asked
        with given:
            network = cookie(given)
            if network == self._network:
                if not box.leads_out(destination):
                    raise _unreachable()
                if self._permitted(box, call, destination, permitted):
                    self._connect_again(box, call, destination, given)
            elif network == box.network and box.leads_out(destination) and _may_move(given):
                if self._permitted(box, call, destination, permitted):
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

    def _send(self, box: _Box, call: Call, permitted: Destination | None) -> None:
        number, data, size, flags, address, length = call.arguments
        asked = _asked(box, call, number, address, length, permitted)
        if asked is None:
            call.go_on()
            return
        destination, given = asked
        datagram = (data, size, flags)
        with given:
            network, leads_out = cookie(given), box.leads_out(destination)
            if given.type != socket.SOCK_DGRAM:  # A stream has its destination already.
                call.go_on()
            elif network == self._network:
                if not leads_out:
                    raise _unreachable()
                if self._permitted(box, call, destination, permitted):
                    call.give(_send_on(given, call, datagram, destination))
            elif network == box.network and leads_out and _may_move(given):
                if self._permitted(box, call, destination, permitted):
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

    def _send_message(self, box: _Box, call: Call, _: Destination | None) -> None:
        """Refuse datagrams that name a destination of their own, to those whom a policy holds.

        Others are not asked about: it would cost all who pass descriptors on.
        """
        try:
            given = call.socket(ctypes.c_int(call.arguments[0]).value)
        except OSError:
            if not box.may_hide(call):
                raise
            call.go_on()
            return
        with given:
            if self._is_led_out(given) and given.type == socket.SOCK_DGRAM and _names_destination(call):
                raise _refused()
        call.go_on()

    def _is_led_out(self, given: socket.socket) -> bool:
        return given.family in (socket.AF_INET, socket.AF_INET6) and cookie(given) == self._network

    def _listen(self, _: _Box, call: Call, __: Destination | None) -> None:
        with call.socket(call.arguments[0]) as given:
            if self._is_led_out(given):
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


def _asked(
    box: _Box, call: Call, number: int, address: int, length: int, permitted: Destination | None
) -> tuple[Destination, socket.socket] | None:
    """Return where a call wants to go, and with what; `None` if that is none of our business.

    :param permitted: where it wanted to go when that was decided on.
    :raises OSError: if we may not see it, and it may not be hidden from us.
    """
    if ctypes.c_int(length).value < 0 or ctypes.c_int(number).value < 0:
        return None
    try:
        destination = permitted or parse(call.read(address, min(length & 0xFFFFFFFF, LONGEST)))
        return None if destination is None else (destination, call.socket(ctypes.c_int(number).value))
    except OSError:
        if box.may_hide(call):
            return None
        raise


def _names_destination(call: Call) -> bool:
    """Tell whether a `sendmsg` or `sendmmsg` has an address in any of its messages."""
    _, address, count = call.arguments[:3]
    if call.number == seccomp.architecture().calls["sendmsg"]:
        return _has_name(call.read(address, _MESSAGE.size))
    pieces = call.read(address, min(count & 0xFFFFFFFF, _MOST_MESSAGES) * _SIZE_IN_SENDMMSG)
    return any(_has_name(pieces[start:]) for start in range(0, len(pieces), _SIZE_IN_SENDMMSG))


def _has_name(message: bytes) -> bool:
    name, length = _MESSAGE.unpack_from(message)
    return bool(name and length)


def _refused() -> OSError:
    return OSError(errno.EACCES, os.strerror(errno.EACCES))


def _unreachable() -> OSError:
    return OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))


def _services(given: Sequence[tuple[str, int]]) -> set[tuple[bytes, int]]:
    return {(socket.inet_pton(_family(host), host), port) for host, port in given}


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
