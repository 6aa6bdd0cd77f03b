"""Prepares a box: files first, then commands in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from ..contract.views.blueprints import BuildFailureReason
from .bash import login_shell
from .descriptors import write_file
from .engine.protocol import Box, Ids
from .errors import ENGINE_ERRORS, as_api_error
from .logbook import LineSink
from .masking import Mask
from .processes import start
from .shortage import memory_kills, shortage

Write = Callable[[str, str], None]
"""Takes a log line: its level and its text."""
Announce = Callable[[str], Awaitable[None]]
"""Is told a command that is about to start, and returns when it may."""


class SetupError(Exception):
    """A step of the preparation failed; the text says which, and how.

    :param reason: what it lacked, if that is known.
    """

    def __init__(self, message: str, reason: BuildFailureReason = "build_failed") -> None:
        self.reason = reason
        super().__init__(message)


async def write_files(box: Box, files: Iterable[tuple[str, str]]) -> None:
    """Write files into a box.

    :param files: path and text of each.
    :raises SetupError: if one cannot be written.
    """
    for path, text in files:
        try:
            await write_file(box, path, text)
        except ENGINE_ERRORS as error:
            raise SetupError(str(as_api_error(error, f"write the mounted file {path}"))) from error


async def run_commands(
    box: Box,
    commands: list[str],
    environment: Mapping[str, str],
    kind: str,
    write: Write,
    announce: Announce | None = None,
    mask: Mask | None = None,
) -> None:
    """Run commands one after another, with their output to a log.

    :param kind: what they are, for messages: `launch command`.
    :param write: takes the lines.
    :param announce: is told each command; raises if nothing more is to run.
    :param mask: as `run_logged` has it.
    :raises SetupError: if one fails; those after it are not run.
    """
    for number, command in enumerate(commands, 1):
        if announce is not None:
            await announce(command)
        await run_command(box, command, environment, f"{kind} {number} of {len(commands)}", write, mask=mask)


async def run_command(
    box: Box,
    command: str,
    environment: Mapping[str, str],
    what: str,
    write: Write,
    shown: str = "",
    mask: Mask | None = None,
) -> None:
    """Run a command in a login shell, with its output to a log.

    :param what: what it is, for messages: `launch command 1 of 2`.
    :param write: takes the lines.
    :param shown: the command as messages have it, where that is not the whole.
    :param mask: as `run_logged` has it.
    :raises SetupError: if it fails.
    """
    shown = shown or command
    write("info", f"{what}: {shown}")
    try:
        argv = await login_shell(box, command, environment)
    except ENGINE_ERRORS as error:
        raise SetupError(str(as_api_error(error, f"run {shown}"))) from error
    kills = memory_kills()
    status, printed = await run_logged(box, argv, environment, write, mask=mask)
    if status:
        message = f"{what} failed with exit status {status}: {shown}\n{printed}"
        raise SetupError(message, shortage(status, printed, kills))


async def run_logged(
    box: Box,
    argv: list[str],
    environment: Mapping[str, str],
    write: Write,
    cwd: str = "",
    ids: Ids | None = None,
    stdin: int = -1,
    mask: Mask | None = None,
) -> tuple[int, str]:
    """Run a program, with its output to a log.

    :param cwd, ids, stdin: as `processes.start` has them.
    :param mask: takes out of the output what must not be read.
    :return: its exit status, and the end of what it printed.
    :raises SetupError: if it cannot be started.
    """
    out = LineSink(lambda line: write("info", line), mask)
    err = LineSink(lambda line: write("warn", line), mask)
    try:
        running = await start(box, argv, environment, out, err, stdin, cwd=cwd, ids=ids)
    except ENGINE_ERRORS as error:
        raise SetupError(str(as_api_error(error, f"start {argv[0]} in {cwd or 'the home'}"))) from error
    status = await running.finish()
    return status, "\n".join([*out.last, *err.last]) or "it printed nothing"
