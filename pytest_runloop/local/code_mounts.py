"""Puts repositories into a box: cloned on this machine, handed in as files, then installed."""

from __future__ import annotations

import asyncio
import posixpath
import shlex
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .addresses import placed
from .engine.protocol import Box
from .errors import invalid
from .git import GitError, Remote, clone
from .masking import Mask
from .packing import send_directory
from .settings import Settings
from .setup import Announce, SetupError, Write, run_command
from .tools import run_tool

_MAKE = """
mkdir -p -- "$1"
[ -z "$(ls -A -- "$1")" ] || { echo "there is something at $1 already" >&2; exit 1; }
"""


@dataclass(frozen=True, slots=True)
class CodeMount:
    """A repository, and what makes it ready.

    :param directory: its name, below the home.
    :param ref: a branch, tag or commit; empty for the repository's head.
    :param install: runs in it, as a command of the user.
    """

    remote: Remote
    directory: str
    ref: str = ""
    install: str | None = None

    @property
    def shown(self) -> str:
        """What it is, for messages."""
        return f"{self.remote.url}#{self.ref}" if self.ref else self.remote.url


@dataclass(frozen=True, slots=True)
class Desk:
    """Where repositories are cloned before they are handed in.

    :param directory: what a dead server leaves there is swept.
    """

    directory: Path
    settings: Settings

    @asynccontextmanager
    async def cloned(self, remote: Remote, ref: str) -> AsyncIterator[tuple[Path, str]]:
        """Give a clone, as long as it is needed, and the name of its commit.

        :raises GitError: if it cannot be had.
        """
        place = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="cloned-", dir=self.directory))
        try:
            yield place, await clone(remote, ref, place, self.settings)
        finally:
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)


def code_mounts_of(params: Mapping[str, Any], base: str) -> list[CodeMount]:
    """Return the repositories of `code_mounts` and of the mounts of type `code_mount`, in order.

    :param base: the address below which owners are.
    :raises ApiError: if one can be no repository, or two have one directory.
    """
    mounts = [(f"code_mounts.{number}", one) for number, one in enumerate(params.get("code_mounts") or ())]
    mounts += [
        (f"mounts.{number}", one)
        for number, one in enumerate(params.get("mounts") or ())
        if one["type"] == "code_mount"
    ]
    found = [_code_mount(one, base, field) for field, one in mounts]
    names = [one.directory for one in found]
    for (field, _), name in zip(mounts, names, strict=True):
        if names.count(name) > 1:
            raise invalid(f"`{field}`: two repositories have the directory `{name}`: mount one of them")
    return found


def _code_mount(mount: Mapping[str, Any], base: str, field: str) -> CodeMount:
    place = placed(
        mount["repo_owner"], mount["repo_name"], base, (f"{field}.repo_owner", f"{field}.repo_name")
    )
    install = mount.get("install_command")
    if install and "\0" in install:
        raise invalid(f"`{field}.install_command`: a command cannot hold a NUL")
    remote = Remote(place.url, mount.get("token"))
    return CodeMount(remote, place.name, mount.get("git_ref") or "", install)


@dataclass(frozen=True, slots=True)
class Fitter:
    """Prepares one box.

    :param environment: of the commands that are run for it.
    :param write: takes the lines of the log.
    :param announce: is told each command.
    :param mask: takes out of the output of commands what must not be read.
    """

    box: Box
    environment: Mapping[str, str]
    desk: Desk
    write: Write
    announce: Announce
    mask: Mask

    async def run(self, command: str, what: str, shown: str) -> None:
        """Run a command.

        :param what: what it is, for messages.
        :param shown: the part of it that people gave.
        :raises SetupError: if it fails.
        """
        await self.announce(command)
        await run_command(self.box, command, self.environment, what, self.write, shown, self.mask)

    async def clone(self, remote: Remote, ref: str, place: str) -> None:
        """Clone a repository into an empty or new directory.

        :param place: an absolute path.
        :raises SetupError: if it cannot be had or handed in.
        """
        try:
            async with self.desk.cloned(remote, ref) as (root, commit):
                await hand_in(self.box, root, place)
        except GitError as error:
            raise SetupError(str(error)) from error
        self.write("info", f"cloned {remote.url} into {place}: commit {commit}")


async def mount_code(fitter: Fitter, mounts: Iterable[CodeMount]) -> None:
    """Clone repositories into the home of a box, and run their install commands.

    :raises SetupError: if one cannot be had, or a command fails.
    """
    for mount in mounts:
        place = posixpath.join(fitter.box.home, mount.directory)
        await fitter.clone(mount.remote, mount.ref, place)
        if mount.install and mount.install.strip():
            command = within(shlex.quote(place), mount.install)
            await fitter.run(command, f"install command of {mount.directory}", mount.install)


def within(directory: str, command: str) -> str:
    """Return a command that runs another one in a directory.

    :param directory: as a shell has it.
    """
    return f"cd -- {directory} && {{ {command}\n}}"


async def hand_in(box: Box, root: Path, place: str) -> None:
    """Copy a directory of this machine to an empty or new directory of a box.

    :raises SetupError: if there is something, or it cannot be written.
    """
    await run_tool(box, _MAKE, place)
    await send_directory(root, box, place)
