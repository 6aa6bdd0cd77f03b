"""The fork server: one clean, single-threaded process from which every box is forked.

The server starts it by exec with a clean environment, so a box shows nothing of the server's. It must
stay single-threaded: boxes die with the *thread* that forked them.

It ends when its control connection ends, and when the server's process ends even if a child of the
server holds that connection open.
"""

from __future__ import annotations

import contextlib
import gc
import math
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Sequence

from pytest_runloop.local.engine import bounds, picks, roots, syscalls, trees
from pytest_runloop.local.engine.agent import Agent
from pytest_runloop.local.engine.isolation import SetUpError, World, load
from pytest_runloop.local.engine.pulse import HungError
from pytest_runloop.local.engine.wire import Connection, Message

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from typing import Any

NULL = 0
_LOG = 2
"""Takes what the server shows of our end."""

TASKS: dict[str, Callable[..., Any]] = {
    **trees.TASKS,
    "unshare": syscalls.unshare,
    "unpack_root": roots.unpack_root,
    "pack_root": picks.pack_root,
}
"""What helpers can be asked for."""
_UNHURRIED, _NICE = ("remove", "merge"), 5
_DEEPEST = 10_000  # directories; a path ends before
_LAST_ONES = 10.0  # seconds; on a busy machine the dead take their time, and nobody waits for this
_MOST_DESCRIPTORS = 1024  # The zygote closes what it gets, so its numbers stay small.


class Zygote:
    """Forks boxes and helpers at the server's request, and tells of their ends.

    :param control: the connection to the server.
    :param server: a pidfd of the server.
    :param isolation: what makes the world of a box.
    :param vital: see `World.begin`.
    """

    def __init__(
        self, control: Connection, server: int, isolation: type[World], vital: int | None = None
    ) -> None:
        self._control = control
        self._ends = {server} if vital is None else {server, vital}
        self._isolation = isolation
        self._command_line = syscalls.CommandLine()
        self._numbers: dict[int, int] = {}  # process id -> the server's number for it
        self._pids: dict[int, int] = {}
        self._groups: set[str] = set()

    def run(self) -> None:
        """Serve until the server has gone, or what no box can do without."""
        self._command_line.write("pytest-runloop: zygote")
        syscalls.set_name("runloop-zygote")
        syscalls.set_dumpable(False)
        bell = _child_bell()
        poll = select.poll()
        for descriptor in (self._control.socket.fileno(), *self._ends, bell):
            poll.register(descriptor, select.POLLIN)
        gc.freeze()
        while True:
            try:
                ready = {descriptor for descriptor, _ in poll.poll(self._pause())}
            except HungError as error:
                os.write(_LOG, f"{error}\n".encode())
                return
            if self._ends & ready:
                return
            if bell in ready:
                os.read(bell, 4096)
                self._reap()
            if self._control.socket.fileno() in ready and not self._serve():
                return

    def _pause(self) -> int | None:
        """Return how many milliseconds may pass until the next look at what no box can do without."""
        seconds = self._isolation.look() if self._numbers else None
        return None if seconds is None else math.ceil(seconds * 1000)

    def remove_groups(self) -> None:
        """Remove the control groups of a server that could not do so any more, and what is in them."""
        for group in self._groups:
            bounds.remove_groups(group, _LAST_ONES)

    def _serve(self) -> bool:
        frames = self._control.receive()
        for message, descriptors in frames or ():
            if "kill" in message:
                self._kill(message["kill"])
            else:
                self._fork(message, *descriptors)
        return frames is not None

    def _kill(self, number: int) -> None:
        if number in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pids[number], signal.SIGKILL)
        else:  # It was reaped before the request came, or could not be forked.
            self._control.send({"ended": number, "status": 0})

    def _fork(self, message: Message, descriptor: int, *streams: int) -> None:
        """Fork a box or a helper. Answers go through its own connection, also if the fork fails.

        :param streams: the last arguments of a helper's task; a box's line to who decides for it.
        """
        try:
            self._fork_with(message, descriptor, streams)
        finally:
            for stream in streams:
                os.close(stream)

    def _fork_with(self, message: Message, descriptor: int, streams: Sequence[int]) -> None:
        connection = Connection(socket.socket(fileno=descriptor))
        world = None
        try:
            world = self._isolation({**message["plan"], "line": [*streams]}) if "plan" in message else None
            pid = self._forked(world)
        except OSError as error:
            if world is not None:
                world.abandon()
            with contextlib.suppress(ConnectionError):  # Whoever asked does not wait any more.
                connection.send(_failure("start a process in new namespaces", error.errno))
            connection.socket.close()
            return
        if pid == 0:
            self._be(world, message, connection, streams)
        if world is not None:
            self._groups.update(bounds.groups_of_session(world.plan.get("bounds", {})))
        connection.socket.close()
        self._numbers[pid], self._pids[message["number"]] = message["number"], pid
        if world is not None:
            with contextlib.suppress(OSError):  # The child waits for it and tells.
                world.adopt(pid)

    @staticmethod
    def _forked(world: World | None) -> int:
        if world is None:
            return syscalls.fork()
        return bounds.fork(world.clone_flags, world.plan.get("bounds", {}))

    def _be(
        self, world: World | None, message: Message, connection: Connection, streams: Sequence[int]
    ) -> None:
        """Be the child. Never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            syscalls.die_with_parent()
            if world is None:
                with contextlib.suppress(OSError):  # Refused: it does what it can.
                    self._isolation.empower()
                status = _help(message, connection, streams)
            else:
                self._command_line.write(f"pytest-runloop: devbox {message['name']}")
                syscalls.set_name("runloop-agent")
                status = _inhabit(world, connection)
        except Exception as error:  # Our own mistake, or a broken host: the one who asked has to know.
            with contextlib.suppress(OSError):
                connection.send({"failed": f"set up a process: {error!r}", "errno": 0})
        finally:
            os._exit(status)

    def _reap(self) -> None:
        while (ended := _next_ended()) is not None:
            pid, status = ended
            if pid in self._numbers:  # Else an orphan, which only a subreaper has.
                number = self._numbers.pop(pid)
                del self._pids[number]
                self._isolation.bury(self._numbers)
                self._control.send({"ended": number, "status": status})


def _next_ended() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def _failure(step: str, number: int | None) -> Message:
    return {"failed": step, "errno": number or 0}


def _inhabit(world: World, connection: Connection) -> int:
    _close_all_but(connection.socket.fileno(), *world.descriptors())
    sys.setrecursionlimit(_DEEPEST)  # Directories are made from below.
    try:
        bounds.apply(world.plan.get("bounds", {}))
        world.enter()
    except SetUpError as error:
        connection.send(_failure(error.step, error.number))
        return 1
    except OSError as error:
        connection.send(_failure(f"set up {os.fsdecode(error.filename or 'a devbox')}", error.errno))
        return 1
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # The server has gone or let go.
        Agent(connection, world).run()
    world.leave()
    return 0


def _help(message: Message, connection: Connection, streams: Sequence[int]) -> int:
    """Do work on trees of files that would hold up the server, or that it lacks the rights for."""
    _close_all_but(connection.socket.fileno(), *streams)
    if message["task"] in _UNHURRIED:
        os.nice(_NICE)
    sys.setrecursionlimit(_DEEPEST)
    try:
        result = TASKS[message["task"]](*message["arguments"], *streams)
        connection.send({"result": result})
    except OSError as error:
        connection.send(_failure(os.fsdecode(error.filename or message["task"]), error.errno))
    return 0


def _close_all_but(*kept: int) -> None:
    for number in (1, 2):
        os.dup2(NULL, number, inheritable=False)
    low = 3
    for descriptor in (*sorted(kept), _MOST_DESCRIPTORS):
        os.closerange(low, descriptor)
        low = descriptor + 1


def _child_bell() -> int:
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # Ctrl-C reaches the whole foreground group, and the end of the server is what ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return reading


def main() -> None:
    """Run as the server starts us: the isolation's name and our parent's id are the arguments."""
    isolation, server, control = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.set_inheritable(control, False)
    handle = os.pidfd_open(server)
    if os.getppid() == server:  # Else it died before we looked, and the id may be a stranger's.
        serve(isolation, control, handle)


def serve(isolation: str, control: int, server: int) -> None:
    """Be the zygote until the server has gone.

    :param isolation: `module:Class` of what makes the world of a box.
    :param control: the connection to the server.
    :param server: a pidfd of the server.
    """
    world = load(isolation)
    vital = world.begin()
    zygote = Zygote(Connection(socket.socket(fileno=control)), server, world, vital)
    # The server's end of the line closes before its process has ended, which `run` looks for.
    with contextlib.suppress(ConnectionError):
        zygote.run()
    world.bury(())
    zygote.remove_groups()
