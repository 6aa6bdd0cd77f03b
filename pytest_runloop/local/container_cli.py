"""The container engines of this machine, by their command lines, which docker and podman have in common."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress

PROGRAMS = ("docker", "podman")
CHOICE = "RUNLOOP_CONTAINER_ENGINE"
"""The environment variable that names the one to use, or `none`."""
_QUICK = 30.0
"""Seconds that a command may take which needs no network and moves no files."""
_SHOWN = 2000  # characters of what a command complained of


class CliError(Exception):
    """A command of a container engine failed. The text says which, and what it said."""


class ContainerCli:
    """One container engine.

    :param program: `docker` or `podman`.
    """

    def __init__(self, program: str) -> None:
        self.program = program

    async def run(self, *arguments: str, seconds: float = _QUICK, output: int | None = None) -> str:
        """Run a command and return what it prints.

        :param seconds: how long it may take.
        :param output: a descriptor that takes what it prints instead. The caller goes on owning it.
        :raises CliError: if it fails, or takes longer.
        """
        out = asyncio.subprocess.PIPE if output is None else output
        try:
            process = await asyncio.create_subprocess_exec(
                self.program,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise CliError(f"{self.program} cannot be started: {error.strerror}") from error
        try:
            async with asyncio.timeout(seconds):
                printed, said = await process.communicate()
        except TimeoutError:
            raise CliError(f"`{self.program} {arguments[0]}` took more than {seconds:.0f} s") from None
        finally:
            await _end(process)
        if process.returncode:
            raise CliError(_complaint(said) or f"`{self.program} {arguments[0]}` failed without a word")
        return (printed or b"").decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what still runs of a command, programs that it started included."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())


def _complaint(said: bytes) -> str:
    return said.decode(errors="replace").strip()[-_SHOWN:]


def candidates(environment: Mapping[str, str]) -> Sequence[ContainerCli]:
    """Return the engines to ask, in order. That a program is there does not mean that it answers.

    :param environment: of the server.
    :raises CliError: if it names what is none.
    """
    choice = environment.get(CHOICE, "")
    if choice not in ("", "none", *PROGRAMS):
        raise CliError(f"{CHOICE} is `{choice}`, and must be docker, podman or none")
    names = PROGRAMS if not choice else tuple(name for name in PROGRAMS if name == choice)
    return [ContainerCli(name) for name in names if shutil.which(name, path=environment.get("PATH"))]
