"""The loop inside a box: starts processes, opens files and tells of exits, at the server's request.

It runs in a process forked by the zygote, after the isolation set the world up. One thread, no exec: a
box needs no Python of its own. Requests are answered in order; an answer carries the request's `id`.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import select
import signal
import socket
from collections.abc import Callable, Mapping, Sequence

from pytest_runloop.local.engine.drafts import Drafts
from pytest_runloop.local.engine.isolation import OutOfReachError, World
from pytest_runloop.local.engine.wire import Connection, Message

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from typing import Any

_DEFAULT_SIGNALS = tuple(
    number for number in range(1, signal.NSIG) if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33)
)
_STREAMS = 3
_LONGEST_PATH = 4095  # bytes
_NOT_STARTED = 127
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR)


class Agent:
    """Serves one box until the server lets go of the connection.

    :param connection: to the server.
    :param world: the isolation, entered already.
    """

    def __init__(self, connection: Connection, world: World) -> None:
        self._connection = connection
        self._world = world
        self._children: set[int] = set()
        self._stopped: list[int] = []
        self._drafts = Drafts(world)
        self._operations: dict[str, Callable[[Message, list[int]], tuple[Any, list[int]]]] = {
            "spawn": self._spawn,
            "signal": self._signal,
            "signal_foreground": self._signal_foreground,
            "open": self._open,
            "connect": self._connect,
            "bind": self._bind,
            "draft": self._draft,
            "keep": self._keep,
            "drop": self._drop,
            "idle": self._idle,
            "stop": self._stop,
            "go_on": self._go_on,
        }

    def run(self) -> None:
        """Serve until the end of the connection."""
        os.umask(0o022)
        bell = _child_bell()
        poll = select.poll()
        poll.register(self._connection.socket, select.POLLIN)
        poll.register(bell, select.POLLIN)
        self._report()
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if bell in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(bell, 4096)
                self._reap()
            if self._connection.socket.fileno() in ready and not self._serve():
                return

    def _report(self) -> None:
        home, environment = self._world.home, dict(self._world.environment)
        kept, listeners = self._world.mementos(), self._world.listeners()
        report = {"ready": True, "home": home, "environment": environment, "listeners": len(listeners)}
        self._connection.send(report, [*kept, *listeners])
        for descriptor in (*kept, *listeners):
            os.close(descriptor)

    def _serve(self) -> bool:
        frames = self._connection.receive()
        for message, descriptors in frames or ():
            self._answer(message, descriptors)
        return frames is not None

    def _answer(self, message: Message, descriptors: list[int]) -> None:
        answer: Message = {"id": message.get("id")}
        given: list[int] = []
        try:
            answer["result"], given = self._operations[message["op"]](message, descriptors)
        except OutOfReachError as error:
            answer |= {"lacking": error.capability, "what": error.what}
        except OSError as error:
            answer |= {"errno": error.errno or errno.EIO, "file": _text(error.filename)}
        except (ValueError, OverflowError):  # A NUL in an argument, a number that is no signal.
            answer |= {"errno": errno.EINVAL, "file": None}
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        if answer["id"] is not None:  # Nobody waits for the answer to a signal.
            self._connection.send(answer, given)
        for descriptor in given:
            os.close(descriptor)

    def _reap(self) -> None:
        """Collect the dead, orphans included, and tell of those that the server asked for."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._children:
                self._children.discard(pid)
                self._connection.send({"exited": pid, "status": status})

    def _spawn(self, message: Message, descriptors: list[int]) -> tuple[int, list[int]]:
        if len(descriptors) < _STREAMS:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        os.chdir(self._world.locate(message["cwd"]))
        try:
            argv, environment = message["argv"], message["environment"]
            spawn = functools.partial(_spawn_program, ids=message.get("ids"))
            pid = self._world.act(functools.partial(_start, spawn, argv, environment, descriptors))
        finally:
            os.chdir("/")
        self._children.add(pid)
        return pid, []

    def _signal(self, message: Message, _: list[int]) -> tuple[None, list[int]]:
        pid, number = message["pid"], message["number"]
        if message["group"]:
            self._world.signal_group(pid, number)
        elif pid in self._children:
            os.kill(pid, number)
        return None, []

    def _signal_foreground(self, message: Message, descriptors: list[int]) -> tuple[None, list[int]]:
        if not descriptors:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        group = os.tcgetpgrp(descriptors[0])
        if group <= 0:  # Nobody has the terminal for their own.
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        self._world.signal_group(group, message["number"])
        return None, []

    def _open(self, message: Message, _: list[int]) -> tuple[None, list[int]]:
        place, flags, mode = message["path"], message["flags"], message["mode"]
        if len(os.fsencode(place)) > _LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), place)
        # Opening a FIFO would wait for its other end, and everybody else's requests with it.
        descriptor = self._world.open(place, flags | os.O_NONBLOCK, mode, message["parents"])
        if not flags & os.O_NONBLOCK:
            os.set_blocking(descriptor, True)
        return None, [descriptor]

    def _connect(self, message: Message, _: list[int]) -> tuple[None, list[int]]:
        return None, [self._world.act(functools.partial(_begin_connection, message["host"], message["port"]))]

    def _bind(self, message: Message, _: list[int]) -> tuple[None, list[int]]:
        return None, [self._world.act(functools.partial(_bound, message["host"], message["port"]))]

    def _draft(self, message: Message, _: list[int]) -> tuple[int | None, list[int]]:
        number, descriptor = self._drafts.begin(message["path"], message["mode"])
        if number is not None:  # Else it may be a pipe that nobody empties, and its writer would hang.
            os.set_blocking(descriptor, True)
        return number, [descriptor]

    def _keep(self, message: Message, _: list[int]) -> tuple[None, list[int]]:
        self._drafts.keep(message["number"])
        return None, []

    def _drop(self, message: Message, _: list[int]) -> tuple[None, list[int]]:
        self._drafts.drop(message["number"])
        return None, []

    def _idle(self, _: Message, __: list[int]) -> tuple[bool, list[int]]:
        self._reap()
        return self._world.idle() and not self._world.untidy(), []

    def _stop(self, _: Message, __: list[int]) -> tuple[None, list[int]]:
        self._stopped = self._world.stop()
        return None, []

    def _go_on(self, _: Message, __: list[int]) -> tuple[None, list[int]]:
        self._world.go_on(self._stopped)
        self._stopped = []
        return None, []


def _text(name: str | bytes | int | None) -> str | None:
    return os.fsdecode(name) if isinstance(name, (str, bytes)) else None


def _child_bell() -> int:
    """Return a descriptor that becomes readable when a child ended, and let no other signal be handled.

    Python's own handlers must go: a first process gets those signals only that it handles.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


def _begin_connection(host: str, port: int) -> int:
    """Return a socket that is connecting. How that ends is seen at the socket, by whoever holds it.

    It may take long even over the loopback interface: while the queue of a listener is full.
    """
    connection = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.connect((host, port))
        return connection.detach()
    finally:
        connection.close()


def _bound(host: str, port: int) -> int:
    """Return a socket that has a port, for whoever is to listen to it."""
    with socket.socket(socket.AF_INET) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        return made.detach()


def _start(
    spawn: Callable[[str, Sequence[str], Mapping[str, str], Sequence[int]], int],
    argv: Sequence[str],
    environment: Mapping[str, str],
    descriptors: Sequence[int],
) -> int:
    """Start a program as the shell would find it: on the PATH that it will have itself."""
    if not argv:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    failure = OSError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0])
    for program in _candidates(argv[0], environment):
        try:
            return spawn(program, argv, environment, descriptors)
        except OSError as error:
            if error.errno not in (*_NOT_THERE, errno.EACCES):
                raise
            if failure.errno == errno.ENOENT:
                failure = OSError(error.errno, os.strerror(error.errno), argv[0])
    raise failure


def _candidates(name: str, environment: Mapping[str, str]) -> list[str]:
    if "/" in name:
        return [name]
    if not name:
        return []
    places = [os.path.join(directory, name) for directory in environment.get("PATH", os.defpath).split(":")]
    # A look is cheaper than a process that cannot exec.
    return [place for place in places if os.path.exists(place)]


def _spawn_program(
    program: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    descriptors: Sequence[int],
    ids: Mapping[str, Any] | None,
) -> int:
    try:
        if ids is None:
            return _spawn(program, argv, environment, descriptors)
        return _fork(program, argv, environment, descriptors, ids)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        # A script without a `#!` line; shells and `execvp` run it so too.
        return _spawn_program("/bin/sh", ["sh", program, *argv[1:]], environment, descriptors, ids)


def _spawn(
    program: str, argv: Sequence[str], environment: Mapping[str, str], descriptors: Sequence[int]
) -> int:
    actions = [(os.POSIX_SPAWN_DUP2, given, number) for number, given in enumerate(descriptors)]
    return os.posix_spawn(
        program,
        list(argv),
        environment,
        file_actions=actions,
        setsid=True,
        setsigmask=(),
        setsigdef=_DEFAULT_SIGNALS,
    )


def _fork(
    program: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    descriptors: Sequence[int],
    ids: Mapping[str, Any],
) -> int:
    """Start a program as another user, which `posix_spawn` cannot. It takes a few times as long."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    if (pid := os.fork()) == 0:
        try:
            _prepare(descriptors, ids)
            os.execve(program, list(argv), environment)
        except OSError as error:
            os.write(writing, str(error.errno).encode())
        finally:
            os._exit(_NOT_STARTED)
    os.close(writing)
    with open(reading, "rb") as pipe:
        failure = pipe.read()
    if failure:
        os.waitpid(pid, 0)
        raise OSError(int(failure), os.strerror(int(failure)), program)
    return pid


def _prepare(descriptors: Sequence[int], ids: Mapping[str, Any]) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in _DEFAULT_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number, given in enumerate(descriptors[:_STREAMS]):
        os.dup2(given, number)
    os.setgroups(ids["groups"])
    os.setresgid(*[ids["group"]] * 3)
    os.setresuid(*[ids["user"]] * 3)
