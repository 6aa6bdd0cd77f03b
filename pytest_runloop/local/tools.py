"""The builder's own commands in a box."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .bash import environment_of
from .descriptors import close_quietly
from .engine.protocol import Box, Command
from .errors import ENGINE_ERRORS, as_api_error
from .processes import exit_status
from .setup import SetupError, run_logged
from .shortage import memory_kills, shortage

_NOT_FOUND = 127
"""What a shell answers for a program that there is none of."""
_NEEDS = (
    "expected: an image with `sh`, `cp`, `find`, `stat`, `tar` and the like for COPY, ADD, WORKDIR and mounts"
)


async def run_tool(box: Box, script: str, *arguments: str, stdin: int = -1) -> None:
    """Run a shell script.

    :param arguments: its `$1`, `$2` …
    :param stdin: what it reads; nothing by default. The caller goes on owning it.
    :raises SetupError: if it fails, with what it printed.
    """
    kills = memory_kills()
    argv = ["sh", "-ec", script, "sh", *arguments]
    try:
        status, shown = await run_logged(box, argv, {}, _quiet, cwd="/", stdin=stdin)
    except SetupError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise SetupError(f"{error}\n{_NEEDS}") from error
        raise
    if status:
        message = f"{shown}\n{_NEEDS}" if status == _NOT_FOUND else shown
        raise SetupError(message, shortage(status, shown, kills))


@asynccontextmanager
async def scratch_directory(box: Box) -> AsyncIterator[str]:
    """Make a directory in a box for the time of a step."""
    # Not in memory: a box with files there is slow to freeze.
    path = f"{box.environment.get('TMPDIR', '/tmp')}/.runloop-build-{secrets.token_hex(8)}"
    await run_tool(box, 'mkdir -p -- "$1"', path)
    try:
        yield path
    finally:
        await run_tool(box, 'rm -rf -- "$1"', path)


async def transfer(source: Box, directory: str, target: Box, into: str) -> None:
    """Copy all that is in a directory into a directory of another box, with owners and modes.

    :raises SetupError: if it fails.
    """
    reading, writing = os.pipe()
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    pack = ["tar", "--numeric-owner", "-C", directory, "-cf", "-", "."]
    unpack = ["tar", "--numeric-owner", "-C", into, "-xpf", "-"]
    try:
        packing = await source.spawn(Command(pack, environment_of(source, {}), nothing, writing, nothing))
        unpacking = await target.spawn(Command(unpack, environment_of(target, {}), reading, nothing, nothing))
    except ENGINE_ERRORS as error:
        raise SetupError(str(as_api_error(error, "copy files between stages"))) from error
    finally:
        close_quietly(reading, writing, nothing)
    if any(await asyncio.gather(exit_status(packing), exit_status(unpacking))):
        raise SetupError("the files could not be copied from one stage to the other")


def _quiet(_level: str, _line: str) -> None:
    """What a tool prints is shown if it fails."""
