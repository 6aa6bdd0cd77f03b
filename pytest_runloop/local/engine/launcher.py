"""The server's side of the zygote: starts it, asks it for boxes and helpers, learns of their ends."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from pytest_runloop.local.engine.channel import Channel
from pytest_runloop.local.engine.protocol import EngineError
from pytest_runloop.local.engine.wire import Message

SOURCE = Path(__file__).parents[len(__package__.split("."))]
"""The directory that this package is imported from."""
_PROGRAM = f"""
import importlib, sys
source, module = sys.argv.pop(1), sys.argv.pop(1)
name = ""
# Packages without their `__init__`: what those import would weigh on every box.
for part in {__package__.split(".")!r}:
    name, source = f"{{name}}.{{part}}".lstrip("."), f"{{source}}/{{part}}"
    sys.modules[name] = package = type(sys)(name)
    package.__path__ = [source]
importlib.import_module(f"{{name}}.{{module}}").main()
"""
ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": os.defpath}
"""All that a zygote starts with."""
OnNote = Callable[[Message, list[int]], None]
_LAST_WORDS = 2000  # bytes
_KILL_TIMEOUT = 30.0  # seconds


class BootError(EngineError):
    """A box could not be set up.

    :param step: what was being done, in words.
    :param number: the errno; 0 where there is none.
    :param words: what the helper said, where there is no errno.
    """

    def __init__(self, step: str, number: int, words: str = "") -> None:
        self.step, self.number = step, number
        reason = os.strerror(number) if number else words or "its process ended"
        super().__init__(f"could not {step}: {reason}")
        if number and "namespaces" not in step:  # Of those, ENOSPC says that there are too many.
            self.__cause__ = OSError(number, os.strerror(number))


class Forked:
    """A process that the zygote forked: a box's first process, or a helper.

    :param channel: the connection to it.
    :param end: gets its wait status, or `None` if the zygote goes first.
    """

    def __init__(
        self, zygote: Zygote, number: int, channel: Channel, end: asyncio.Future[int | None]
    ) -> None:
        self.channel = channel
        self._zygote = zygote
        self._number = number
        self._end = end

    async def kill(self) -> int | None:
        """Kill it and wait until the kernel has taken it down, with all processes that end with it.

        :return: the wait status, or `None` if the zygote has gone.
        """
        self.channel.close()
        self._zygote.kill(self._number)
        return await self.ended()

    async def ended(self) -> int | None:
        """Wait for its end.

        :return: as `kill`.
        """
        async with asyncio.timeout(_KILL_TIMEOUT):
            return await asyncio.shield(self._end)


class Launched(Protocol):
    """A zygote that was started, or is being started."""

    @property
    def pid(self) -> int:
        """Its process id; that of the program that starts it, until it stands."""

    def wait(self) -> object:
        """Block until it has ended, and what was started around it has too."""


class Launch(Protocol):
    """Starts a zygote: here, or in a place that has the rights it needs."""

    def __call__(
        self, isolation: str, control: socket.socket, log: int, inherited: tuple[int, ...]
    ) -> Launched:
        """Start one. If nothing comes of it later, `control` ends and the log says why.

        :param isolation: as for `Zygote`.
        :param control: its end of the connection; closed when this returns.
        :param log: takes its standard error.
        :param inherited: descriptors that it holds for as long as it lives.
        :raises EngineError: if it cannot even be tried.
        """


class Zygote:
    """One zygote process.

    :param isolation: `module:Class` of what makes the world of a box.
    :param log: a descriptor that takes what it says when it breaks.
    :param inherited: descriptors that it holds for as long as it lives.
    :param launch: starts it.
    """

    def __init__(
        self, isolation: str, log: int, inherited: tuple[int, ...] = (), launch: Launch | None = None
    ) -> None:
        self._log = log
        self._numbers = itertools.count(1)
        self._ends: dict[int, asyncio.Future[int | None]] = {}
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = (launch or launch_here)(isolation, theirs, log, inherited)
            except EngineError:
                ours.close()
                raise
        self._channel = Channel(ours, self._on_note, self._on_end)

    @property
    def pid(self) -> int:
        """The process id, for people and for tests that kill it."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can still be asked for anything."""
        return not self._channel.closed

    def boot(
        self,
        name: str,
        plan: Message,
        on_note: OnNote,
        on_end: Callable[[], None],
        line: Sequence[int] = (),
    ) -> Forked:
        """Ask for a box. Its agent's first note says `ready` or `failed`.

        :param line: the descriptor for whoever asks what the box may do, if anybody is to ask.
        """
        return self._fork({"name": name, "plan": plan}, on_note, on_end, line)

    async def run(self, task: str, *arguments: Any, streams: Sequence[int] = ()) -> Any:
        """Have a task of `zygote.TASKS` done by a helper of its own and return its result.

        A cancelled caller ends the helper.

        :param streams: descriptors for the helper, its last arguments. The caller goes on owning them.

        :raises BootError: if it failed or died; `step` is then the file in question.
        """
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def settle(message: Message, _: Sequence[int] = ()) -> None:
            if not answer.done():
                answer.set_result(message)

        helper = self._fork(
            {"task": task, "arguments": arguments},
            settle,
            lambda: settle({"failed": task, "errno": 0}),
            streams,
        )
        try:
            message = await answer
        except asyncio.CancelledError:
            await helper.kill()
            raise
        finally:
            helper.channel.close()
        if "failed" in message:
            number = message["errno"]
            cause = OSError(number, os.strerror(number)) if number else None
            raise BootError(message["failed"], number) from cause
        return message["result"]

    def kill(self, number: int) -> None:
        """Ask for the end of what was forked. No error if it ended before."""
        self._channel.send({"kill": number})

    async def close(self) -> None:
        """End it, and with it all that it forked."""
        self._channel.close()
        self._settle_all()
        await asyncio.to_thread(self._process.wait)

    def last_words(self) -> str:
        """Return the last line that it wrote when it broke, or an empty text."""
        size = os.fstat(self._log).st_size
        lines = (
            os.pread(self._log, _LAST_WORDS, max(0, size - _LAST_WORDS)).decode(errors="replace").splitlines()
        )
        return lines[-1] if lines else ""

    def _fork(
        self, message: Message, on_note: OnNote, on_end: Callable[[], None], streams: Sequence[int] = ()
    ) -> Forked:
        number = next(self._numbers)
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            remedy = "raise the limit of open files (`ulimit -n`)"
            raise EngineError(f"could not talk to another process: {error.strerror}", remedy) from error
        end = self._ends[number] = asyncio.get_running_loop().create_future()
        channel = Channel(ours, on_note, on_end)
        with theirs:
            self._channel.send({"number": number, **message}, [theirs.fileno(), *streams])
        if self._channel.closed:
            self._settle_all()
        return Forked(self, number, channel, end)

    def _on_note(self, message: Message, _: list[int]) -> None:
        future = self._ends.pop(message["ended"], None)
        if future is not None and not future.done():
            future.set_result(message["status"])

    def _on_end(self) -> None:
        self._settle_all()
        asyncio.get_running_loop().run_in_executor(None, self._process.wait)

    def _settle_all(self) -> None:
        for future in self._ends.values():
            if not future.done():
                future.set_result(None)
        self._ends.clear()


def program(python: str, module: str) -> list[str]:
    """Return the command that runs a module of this package with nothing but the standard library.

    :param python: the interpreter.
    :param module: its name in this package; its `main` is called, and finds its arguments in `sys.argv`.
    """
    return [python, "-I", "-S", "-B", "-X", "utf8", "-c", _PROGRAM, str(SOURCE), module]


def launch_here(
    isolation: str, control: socket.socket, log: int, inherited: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    """Start a zygote as a child of this process. As `Launch`."""
    try:
        return subprocess.Popen(
            [*program(sys.executable, "zygote"), isolation, str(os.getpid()), str(control.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=ENVIRONMENT,
            cwd="/",
            pass_fds=(control.fileno(), *inherited),
            start_new_session=True,  # Ctrl-C at the server's terminal is not for us.
        )
    except OSError as error:
        raise EngineError(f"could not start the zygote with {sys.executable}: {error.strerror}") from error
