"""Starts a command in a box, with its outputs going to sinks."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass

from .bash import environment_of
from .descriptors import close_quietly
from .engine.protocol import Box, Command, EngineError, Ids, Process
from .pump import Pump, Sink

KILLED = 128 + signal.SIGKILL
"""The exit status of what ends with its devbox."""


@dataclass(slots=True)
class Running:
    """A process, and the pumps on its outputs."""

    process: Process
    stdout: Pump
    stderr: Pump

    async def finish(self) -> int:
        """Wait for the process, take what it wrote, and return its exit status."""
        status = await exit_status(self.process)
        await asyncio.gather(self.stdout.seal(), self.stderr.seal())
        return status


async def exit_status(process: Process) -> int:
    """Return the exit status of a process; that of a killed one if its box is gone."""
    try:
        return await process.wait()
    except EngineError:
        return KILLED


async def start(
    box: Box,
    argv: list[str],
    extra: Mapping[str, str],
    stdout: Sink,
    stderr: Sink,
    stdin: int = -1,
    cwd: str = "",
    ids: Ids | None = None,
) -> Running:
    """Start a process.

    :param extra: environment variables beside those of the box.
    :param stdin: what it reads; nothing by default. The caller goes on owning it.
    :param cwd, ids: as `Command` has them.
    :raises OSError, EngineError: if it cannot be started.
    """
    source = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) if stdin < 0 else os.dup(stdin)
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    try:
        command = Command(argv, environment_of(box, extra), source, out_write, err_write, cwd, ids)
        process = await box.spawn(command)
    except BaseException:
        close_quietly(out_read, err_read)
        raise
    finally:
        close_quietly(source, out_write, err_write)
    return Running(process, Pump(out_read, stdout), Pump(err_read, stderr))
