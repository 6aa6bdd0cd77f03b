"""Starts zygotes as the first processes of containers.

A container is started with the command line of docker or podman, which lives as long as the container does.
The zygote in it connects to a Unix socket in the session's directory, which it sees at the same path, and
gets its descriptors there: the kernel is the same, so they work as they do for a zygote of the machine's own.
It ends with the server for the same reasons as that one, and the container with it.

What is left of a container when server and daemon die at a bad moment is removed by the next engine of the
same state directory. The server holds a lock; the lock being free proves its death.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from pytest_runloop.local.engine import launcher
from pytest_runloop.local.engine.container_programs import ContainerProgram, Mount, last_line, name_of
from pytest_runloop.local.engine.protocol import EngineError
from pytest_runloop.local.engine.sessions import Session
from pytest_runloop.local.engine.wire import encode, send_some
from pytest_runloop.local.locks import held, is_free

_START_TIMEOUT = 30.0  # seconds
_END_TIMEOUT = 10.0  # seconds
_LOCK = "server.lock"
_LOG = 2
"""Which of the descriptors takes what is said."""
_LIMITS = (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE, resource.RLIMIT_FSIZE)
_CREDENTIALS = struct.Struct("3i")


class Container:
    """A container whose first process is, or will be, a zygote. Used from threads.

    :param program: that runs it.
    :param session: of the engine.
    :param mounts: what it shows, apart from the state directory.
    :param python: the interpreter, at a place that it shows.
    :raises EngineError: if its start cannot even be tried.
    """

    def __init__(
        self, program: ContainerProgram, session: Session, mounts: Sequence[Mount], python: Path
    ) -> None:
        self._program = program
        self._name = name_of(session.directory.name)
        self._door = _Door(session.directory, self._name)
        self._inside: socket.socket | None = None
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been read
        mounts = [*mounts, Mount(session.state_dir, session.state_dir, writable=True)]
        entry = [*launcher.program(str(python), "contained"), str(session.directory), self._name]
        try:
            self._process = subprocess.Popen(
                program.command(self._name, session.state_dir, mounts, entry),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                cwd="/",
                start_new_session=True,  # Ctrl-C at the server's terminal is not for it.
            )
        except OSError as error:
            self._door.close()
            self._said.close()
            raise EngineError(f"could not start {program.name}: {error.strerror}") from error
        self._pid = self._process.pid

    @property
    def pid(self) -> int:
        """The zygote's process id on this machine; that of the program that starts it, until it stands."""
        return self._pid

    def meet(self) -> None:
        """Wait until its first process has come to the door. May be repeated.

        :raises EngineError: if it does not; the container is gone then.
        """
        if self._inside is not None:
            return
        try:
            self._inside = self._door.await_guest(self._process.pid, _START_TIMEOUT)
        finally:
            self._door.close()
        if self._inside is None:
            self._process.kill()
            self.wait()
            raise EngineError(f"a container of {self._program.name} did not start: {self._words()}")
        self._said.close()
        self._pid, _, _ = _CREDENTIALS.unpack(
            self._inside.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )

    def hand_over(self, isolation: str, descriptors: Sequence[int]) -> None:
        """Make its first process the zygote.

        :param descriptors: the control connection, a pidfd of the server, the log, and what it is to hold.
        """
        assert self._inside is not None
        limits = [(kind, *resource.getrlimit(kind)) for kind in _LIMITS]
        message = {"isolation": isolation, "groups": os.getgroups(), "limits": limits}
        frame = memoryview(encode(message, len(descriptors)))
        with self._inside, contextlib.suppress(OSError):  # It has ended, and with it the control connection.
            sent = send_some(self._inside, frame, descriptors)
            self._inside.sendall(frame[sent:])

    def dismiss(self) -> None:
        """Let it end, unless it became a zygote."""
        self._door.close()
        if self._inside is not None:
            self._inside.close()

    def wait(self) -> None:
        """Block until it is gone. One that does not end by itself is killed."""
        try:
            self._process.wait(_END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._program.remove(self._name)
            self._process.kill()
            self._process.wait()

    def _words(self) -> str:
        with self._said:
            self._said.seek(0)
            return last_line(self._said.read().decode(errors="replace")) or "nothing was heard of it"


class ContainerLauncher:
    """Starts the zygotes of one engine. As `launcher.Launch`.

    :param session: of the engine.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = -1
        self._start: Callable[[], Container] | None = None
        self._ready: Container | None = None

    def open(self, program: ContainerProgram, mounts: Sequence[Mount], python: Path) -> None:
        """Remove what dead engines left, and start a first container. Blocks until it stands.

        :raises EngineError: if it cannot be had.
        """
        program.require()
        if self._lock < 0:
            self._lock = held(self._session.directory / _LOCK)
        _sweep(program, self._session.state_dir)
        container = Container(program, self._session, mounts, python)
        container.meet()
        self._start = lambda: Container(program, self._session, mounts, python)
        self._ready = container

    def __call__(
        self, isolation: str, control: socket.socket, log: int, inherited: tuple[int, ...]
    ) -> launcher.Launched:
        """Have the container that waits become a zygote, or start another one."""
        if self._start is None:  # What is there to do without a container is cleaning up.
            return launcher.launch_here(isolation, control, log, inherited)
        container, self._ready = self._ready or self._start(), None
        descriptors = [os.dup(control.fileno()), os.pidfd_open(os.getpid()), *map(os.dup, (log, *inherited))]
        threading.Thread(target=_introduce, args=(container, isolation, descriptors), daemon=True).start()
        return container

    def close(self) -> None:
        """Let go of what was not used, and of the lock."""
        if self._ready is not None:
            self._ready.dismiss()
            self._ready.wait()
            self._ready = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _introduce(container: Container, isolation: str, descriptors: list[int]) -> None:
    """Bring a container and its zygote's descriptors together, and close them here."""
    try:
        container.meet()
        container.hand_over(isolation, descriptors)
    except EngineError as error:
        os.write(descriptors[_LOG], f"{error.what}\n".encode())
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _sweep(program: ContainerProgram, state_dir: Path) -> None:
    """Remove the containers of engines that are dead."""
    for name, session in program.containers(state_dir):
        if is_free(state_dir / "sessions" / session / _LOCK):
            program.remove(name)


class _Door:
    """A Unix socket that one guest comes to.

    :param directory: where it lies.
    :param name: of it.
    :raises EngineError: if it cannot be made.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._path = directory / name
        self._socket = socket.socket(socket.AF_UNIX)
        handle = os.open(directory, os.O_PATH | os.O_CLOEXEC)
        try:
            # By the handle, because the path of a Unix socket ends at 107 bytes.
            self._socket.bind(f"/proc/self/fd/{handle}/{name}")
            self._socket.listen()
        except OSError as error:
            self._socket.close()
            raise EngineError(f"could not make {self._path}: {error.strerror}") from error
        finally:
            os.close(handle)

    def await_guest(self, process: int, timeout: float) -> socket.socket | None:
        """Wait for a connection, or the end of a child, or the end of the time.

        :param process: the child.
        :param timeout: seconds.
        """
        end = os.pidfd_open(process)
        try:
            waiting = select.poll()  # `select.select` takes no descriptor above 1023.
            for descriptor in (self._socket.fileno(), end):
                waiting.register(descriptor, select.POLLIN)
            waiting.poll(timeout * 1000)
        finally:
            os.close(end)
        self._socket.setblocking(False)
        try:
            guest, _ = self._socket.accept()
        except BlockingIOError:
            return None
        guest.setblocking(True)
        return guest

    def close(self) -> None:
        """Remove it. May be repeated."""
        self._socket.close()
        self._path.unlink(missing_ok=True)
