"""The devbox of a run, as scoring functions use it: files, scripts, and a limit of time."""

from __future__ import annotations

import asyncio
import os
import posixpath
import secrets
import shlex
import signal
from collections import deque
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..bash import login_shell
from ..clock import Clock
from ..descriptors import close_quietly, copy_all, write_file
from ..engine.protocol import Box, Engine, Process
from ..launch import check_home
from ..life import Life
from ..masking import Mask
from ..processes import start
from ..pump import Sink
from ..settings import MIB

_KEPT = MIB
"""Bytes of an output that are kept: its end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a script did.

    :param stdout: the end of what it printed.
    :param output: that, and what it printed to standard error, as it came.
    """

    exit_status: int
    stdout: str
    output: str


class TimeIsUpError(Exception):
    """The time for scoring is over."""


class _End:
    """Keeps the end of an output."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._lost = 0

    def add(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        while self._size - len(self._pieces[0]) > _KEPT:
            self._lost += len(self._pieces[0])
            self._size -= len(self._pieces.popleft())

    @property
    def text(self) -> str:
        kept = b"".join(self._pieces).decode(errors="replace")
        return f"[the first {self._lost:,} bytes are left out]\n{kept}" if self._lost else kept


class _Into(Sink):
    def __init__(self, *ends: _End) -> None:
        self._ends = ends

    def feed(self, data: bytes) -> Awaitable[None] | None:
        for end in self._ends:
            end.add(data)
        return None

    def close(self) -> None:
        pass


class Workplace:
    """A running devbox, a directory in it, and a time by which all has to be done.

    :param directory: where scripts run: absolute, from the home, or empty for the home.
    :param seconds: how long everything together may take, from `__enter__` on.
    """

    def __init__(
        self, life: Life, box: Box, engine: Engine, clock: Clock, directory: str, seconds: float
    ) -> None:
        self.box = box
        self._engine = engine
        self.directory = directory.removeprefix("~").lstrip("/") if directory.startswith("~") else directory
        self.time_is_up = False
        self._life = life
        self._clock = clock
        self._seconds = seconds
        self._process: Process | None = None
        self._mask = Mask(life.devbox.launch.secrets)

    def __enter__(self) -> Self:
        self._timer = self._clock.call_later(self._seconds, self._expire)
        self._life.idleness.begin_use()
        return self

    def __exit__(self, *_: object) -> None:
        self._life.idleness.end_use()
        self._timer.cancel()

    @property
    def ended(self) -> bool:
        """Whether the devbox is gone."""
        return self._life.devbox.ended

    def _expire(self) -> None:
        self.time_is_up = True
        if self._process is not None:
            self._process.signal(signal.SIGKILL, group=True)

    async def check_directory(self) -> None:
        """Fail if the directory is not there.

        :raises OSError, EngineError: if it is none.
        """
        if self.directory:
            close_quietly(await self.box.open(self.directory, os.O_RDONLY | os.O_DIRECTORY))

    async def run(self, script: str, variables: Mapping[str, str] | None = None) -> Outcome:
        """Run a script in the directory, in a login shell of its own.

        :param variables: of its environment, over those of the devbox.
        :raises TimeIsUpError: if the time is over before it ends.
        :raises ApiError: if it may not run, or the devbox has ended.
        :raises OSError, EngineError: if it cannot be started.
        """
        devbox = self._life.devbox
        check_home(script, devbox.launch.user, self._engine, self.box.home)
        await self._life.command(script)
        environment = {**devbox.launch.environment, **(variables or {})}
        argv = await login_shell(self.box, script, environment)
        stdout, output = _End(), _End()
        if self.time_is_up:
            raise TimeIsUpError
        running = await start(
            self.box, argv, environment, _Into(stdout, output), _Into(output), cwd=self.directory
        )
        self._process = running.process
        try:
            if self.time_is_up:
                self._expire()
            status = await running.finish()
        finally:
            self._process = None
        if self.time_is_up:
            raise TimeIsUpError
        return Outcome(status, stdout.text, self._mask(output.text))

    def place(self, path: str) -> str:
        """Return a path of the directory as the box takes it."""
        return posixpath.join(self.directory, path)

    def scratch(self) -> Scratch:
        """Return a directory for helpers, which is made when the first of them is."""
        return Scratch(self)


class Scratch:
    """A directory in the home of a devbox for what a scoring function needs besides."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._name = f".runloop-scorer-{secrets.token_hex(8)}"

    @property
    def path(self) -> str:
        """Where it is in the devbox."""
        return f"{self._workplace.box.home}/{self._name}"

    def quoted(self, name: str) -> str:
        """Return the path of something in it, as a word of a shell command."""
        return shlex.quote(f"{self.path}/{name}")

    @property
    def removal(self) -> str:
        """The beginning of a script at whose end the directory goes."""
        return f"trap {shlex.quote(f'rm -rf -- {shlex.quote(self.path)}')} EXIT; "

    async def write(self, name: str, text: str) -> None:
        """Write a text file into it.

        :raises OSError, EngineError: if it cannot be written.
        """
        await write_file(self._workplace.box, f"~/{self._name}/{name}", text)

    async def copy(self, name: str, program: Path) -> None:
        """Copy a program of this machine into it.

        :raises OSError, EngineError: if it cannot be copied.
        """
        draft = await self._workplace.box.draft(f"~/{self._name}/{name}", 0o755)
        try:
            with program.open("rb") as source:
                await asyncio.to_thread(copy_all, source, draft.descriptor)
            await draft.keep()
        finally:
            draft.drop()
