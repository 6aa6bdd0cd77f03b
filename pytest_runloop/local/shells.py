"""Named shells: one bash each, which keeps its directory and its variables from command to command."""

from __future__ import annotations

import asyncio
import shlex
import socket
from collections.abc import Mapping
from contextlib import suppress

from .bash import environment_of, script_for_shell, shell_of
from .engine.protocol import Box
from .executions import Execution
from .processes import KILLED, Running, exit_status, start
from .pump import Sink
from .setup import Announce


class _Switch:
    """A sink that goes to another output with each command, and to none in between."""

    def __init__(self) -> None:
        self.target: Sink | None = None

    def feed(self, data: bytes) -> asyncio.Future[None] | None:
        """Take bytes."""
        storing = self.target.feed(data) if self.target is not None else None
        return None if storing is None else asyncio.ensure_future(storing)

    def close(self) -> None:
        """Nothing more comes; the execution closes its own outputs."""


class Shell:
    """A persistent bash, or the `sh` of an image that has none.

    It reads its script from a socket as its standard input: a line per command. After each, it
    writes the exit status back into that socket. Commands themselves get another standard input,
    and bash keeps the socket from them; so the outputs carry nothing but what commands print.

    :param name: the shell's name.
    :param extra: the devbox's environment variables.
    """

    def __init__(self, name: str, extra: Mapping[str, str]) -> None:
        self.name = name
        self._extra = extra
        self._turn = asyncio.Lock()
        self._bash: _Bash | None = None

    async def run(self, execution: Execution, box: Box, announce: Announce) -> None:
        """Run an execution when its turn comes, and complete it.

        :param announce: is told the command when it is about to start; raises if it may not.
        """
        async with self._turn:
            if not execution.completed:
                await announce(execution.command)
            if execution.completed:
                return
            if self._bash is None or self._bash.ended:
                self._bash = await _Bash.started(box, self._extra)
            script = await script_for_shell(box, execution.command)
            if execution.completed:
                return
            execution.started(self._bash.running.process)
            status = await self._bash.run(execution, script)
            execution.complete(status)


class _Bash:
    """The process behind a shell, and the socket to it."""

    def __init__(self, running: Running, control: socket.socket, out: _Switch, err: _Switch) -> None:
        self.running = running
        self._control = control
        self._out = out
        self._err = err
        self._exit = asyncio.ensure_future(exit_status(running.process))
        self._exit.add_done_callback(lambda _: self._let_go())
        self._asking = False
        self._hung_up = False

    @property
    def ended(self) -> bool:
        """Whether it takes no more commands."""
        return self._hung_up or self._exit.done()

    @classmethod
    async def started(cls, box: Box, extra: Mapping[str, str]) -> _Bash:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        out, err = _Switch(), _Switch()
        try:
            running = await start(box, [shell_of(box), "-ls"], extra, out, err, theirs.fileno())
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        bash = cls(running, ours, out, err)
        keep = "PATH" in extra or shell_of(box) != "bash"
        await bash.ask(f"export PATH={shlex.quote(environment_of(box, extra)['PATH'])}" if keep else ":")
        return bash

    async def run(self, execution: Execution, script: str) -> int:
        """Run a script with its outputs going to an execution, and return its exit status."""
        # What background processes printed since the last command belongs to none.
        await self._drain()
        self._out.target, self._err.target = execution.stdout, execution.stderr
        status = await self.ask(f"{script} </dev/null")
        await self._drain()
        self._out.target = self._err.target = None
        return status

    async def _drain(self) -> None:
        await asyncio.gather(self.running.stdout.drain(), self.running.stderr.drain())

    async def ask(self, line: str) -> int:
        """Have a line executed, and return its exit status, or that of the shell if it ended by it."""
        self._asking = True
        answer = asyncio.ensure_future(self._answer())
        sending = asyncio.ensure_future(self._send(f"{line}\nprintf '%s\\n' \"$?\" >&0\n"))
        try:
            await asyncio.wait({self._exit, answer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, answer):
                task.cancel()
            await asyncio.wait({sending, answer})
            self._asking = False
        status = self._outcome(answer)
        self._let_go()
        return status

    def _let_go(self) -> None:
        """Close the socket once the shell has ended: while a command runs in it, or between two."""
        if self.ended and not self._asking:
            self._control.close()

    async def _send(self, text: str) -> None:
        # If bash has gone, its exit says so.
        with suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self._control, text.encode())

    def _outcome(self, answer: asyncio.Future[int | None]) -> int:
        if not answer.cancelled() and (status := answer.result()) is not None:
            return status
        self._hung_up = True
        return self._exit.result() if self._exit.done() else KILLED

    async def _answer(self) -> int | None:
        loop = asyncio.get_running_loop()
        data = b""
        while not data.endswith(b"\n"):
            try:
                more = await loop.sock_recv(self._control, 64)
            except OSError:
                more = b""
            if not more:
                await asyncio.wait({self._exit})
                return None
            data += more
        return int(data)
