"""Prepares a box: files first, then commands in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from .bash import login_shell
from .descriptors import write_file
from .engine.protocol import Box
from .errors import ENGINE_ERRORS, as_api_error
from .logbook import LineSink
from .processes import start

Write = Callable[[str, str], None]
"""Takes a log line: its level and its text."""
Announce = Callable[[str], Awaitable[None]]
"""Is told a command that is about to start, and returns when it may."""


class SetupError(Exception):
    """A step of the preparation failed; the text says which, and how."""


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
) -> None:
    """Run commands one after another, with their output to a log.

    :param kind: what they are, for messages: `launch command`.
    :param write: takes the lines.
    :param announce: is told each command; raises if nothing more is to run.
    :raises SetupError: if one fails; those after it are not run.
    """
    for number, command in enumerate(commands, 1):
        what = f"{kind} {number} of {len(commands)}"
        write("info", f"{what}: {command}")
        if announce is not None:
            await announce(command)
        sinks = LineSink(lambda line: write("info", line)), LineSink(lambda line: write("warn", line))
        status = await _run(box, command, environment, *sinks)
        if status:
            shown = "\n".join([*sinks[0].last, *sinks[1].last]) or "it printed nothing"
            raise SetupError(f"{what} failed with exit status {status}: {command}\n{shown}")


async def _run(
    box: Box, command: str, environment: Mapping[str, str], stdout: LineSink, stderr: LineSink
) -> int:
    try:
        argv = await login_shell(box, command, environment)
        running = await start(box, argv, environment, stdout, stderr)
    except ENGINE_ERRORS as error:
        raise SetupError(str(as_api_error(error, f"run {command}"))) from error
    return await running.finish()
