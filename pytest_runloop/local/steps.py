"""Carries out the steps of a build in a box."""

from __future__ import annotations

import os
import posixpath
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .build_secrets import BuildSecrets
from .code_mounts import hand_in
from .copies import Collect, check_copy, chown_word, collect_selection, copy_files
from .descriptors import write_file
from .dockerfile.errors import DockerfileError
from .dockerfile.plan import CopyStep, Mount, Origin, RunStep, Step, WorkdirStep
from .dockerfile.planner import Fetch
from .dockerfile.stage import selected
from .engine.protocol import Box, Capability, Engine
from .errors import ENGINE_ERRORS, as_api_error
from .identities import Identity, identity
from .setup import SetupError, Write, run_command, run_logged, write_files
from .shortage import memory_kills, shortage
from .tools import run_tool, scratch_directory


@dataclass(frozen=True, slots=True)
class FilesStep:
    """Write the mounted files of a blueprint."""

    key: str
    files: tuple[tuple[str, str], ...]
    text: str = "file mounts"
    line: int = 0


@dataclass(frozen=True, slots=True)
class SetupStep:
    """Run a system setup command.

    :param text: which one, for messages.
    """

    key: str
    command: str
    environment: Mapping[str, str]
    text: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class CodeStep:
    """Put a repository into the home.

    :param root: of its clone on this machine.
    :param directory: below the home.
    """

    key: str
    root: Path
    directory: str
    text: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class BootStep:
    """Take the disk as it is after a boot: a blueprint that changes nothing."""

    key: str
    text: str = "start"
    line: int = 0


AnyStep = Step | FilesStep | CodeStep | SetupStep | BootStep


@dataclass(frozen=True, slots=True)
class Worker:
    """Carries out steps.

    :param home: of the user, as Dockerfiles have it.
    :param write: takes the lines of the log.
    :param secrets: what commands get beside their own environment.
    :param fetch: gets what ADD names elsewhere.
    :param collect: copies from a stage or image.
    """

    engine: Engine
    home: str
    write: Write
    collect: Collect
    fetch: Fetch
    secrets: BuildSecrets

    async def carry_out(self, step: AnyStep, box: Box) -> None:
        """Carry out a step.

        :raises SetupError: if it fails; the text has the place and what was printed.
        """
        try:
            await self._dispatch(step, box)
        except DockerfileError as error:
            raise SetupError(str(error.at(step.line, step.text.split("\n")[0]))) from None
        except SetupError as error:
            if not step.line:
                raise
            message = f"Dockerfile line {step.line}: {step.text}\n{error}"
            raise SetupError(message, error.reason) from error

    async def _dispatch(self, step: AnyStep, box: Box) -> None:
        match step:
            case RunStep():
                await self._run(step, box)
            case CopyStep():
                await self._copy(step, box)
            case WorkdirStep():
                await self._make_directory(step, box)
            case FilesStep():
                await write_files(box, step.files)
            case CodeStep():
                await hand_in(box, step.root, posixpath.join(box.home, step.directory))
            case SetupStep():
                environment = {**step.environment, **self.secrets.variables}
                mask = self.secrets.mask
                await run_command(box, step.command, environment, step.text, self.write, mask=mask)

    # RUN

    async def _run(self, step: RunStep, box: Box) -> None:
        if step.network == "none":
            what = "`--network=none` is not supported in builds of the local backend yet"
            raise DockerfileError(what, expected="RUN without it")
        who = await self._identity(box, step.user)
        given = self.secrets.of(step.mounts)
        environment = {**who.environment, **step.environment, **step.proxies, **given}
        await self._ensure_directory(step.working_dir, box)
        async with AsyncExitStack() as stack:
            for mount in step.mounts:
                await stack.enter_async_context(self._mounted(mount, box))
            argv = list(step.argv)
            if step.script is not None:
                argv.append(await self._script(step.script, box, stack))
            kills = memory_kills()
            status, shown = await run_logged(
                box, argv, environment, self.write, step.working_dir, who.ids, mask=self.secrets.mask
            )
        if status:
            message = f"it failed with exit status {status}:\n{shown}"
            raise SetupError(message, shortage(status, shown, kills))

    async def _ensure_directory(self, path: str, box: Box) -> None:
        """Make the directory that an image names and does not have, as container engines do."""
        if Capability.OWN_ROOT not in self.engine.capabilities:
            return
        try:
            os.close(await box.open(path, os.O_RDONLY | os.O_DIRECTORY))
        except FileNotFoundError:
            await run_tool(box, _MAKE, path, "")

    async def _script(self, text: str, box: Box, stack: AsyncExitStack) -> str:
        path = f"{await stack.enter_async_context(scratch_directory(box))}/script"
        await self._write(box, path, text, mode=0o755)
        return path

    @staticmethod
    async def _write(box: Box, path: str, text: str, *, mode: int) -> None:
        try:
            await write_file(box, path, text, mode=mode)
        except ENGINE_ERRORS as error:
            raise SetupError(str(as_api_error(error, f"write {path}"))) from error

    @asynccontextmanager
    async def _mounted(self, mount: Mount, box: Box) -> AsyncIterator[None]:
        if mount.kind == "secret":
            async with self._secret(mount, box):
                yield
            return
        target = self._place(box, mount.target)
        # Empty each time, which a cache may always be. What is there already is hidden, as by a mount.
        await run_tool(box, _HIDE, target, f"{mount.mode or 0o755:o}", f"{mount.uid}:{mount.gid}")
        try:
            if mount.origin is not None:
                await self._fill(box, mount, mount.origin, target)
            yield
        finally:
            await run_tool(box, _UNCOVER, target)

    @asynccontextmanager
    async def _secret(self, mount: Mount, box: Box) -> AsyncIterator[None]:
        value = self.secrets.values.get(mount.identifier)
        if value is None or not mount.target:
            yield
            return
        target = self._place(box, mount.target)
        self._check_place(target, box)
        await run_tool(box, _HIDE_FILE, target)
        try:
            # Nobody else may read it, not even for a moment.
            await self._write(box, target, value, mode=0o600)
            await run_tool(box, _HAND_OVER, target, f"{mount.mode:o}", f"{mount.uid}:{mount.gid}")
            yield
        finally:
            await run_tool(box, _UNCOVER, target)

    def _check_place(self, target: str, box: Box) -> None:
        """Refuse to write a secret where it would be a file of this machine."""
        if Capability.OWN_ROOT not in self.engine.capabilities and not target.startswith(f"{box.home}/"):
            what = f"{target} is this machine's own in the isolation tier `{self.engine.tier}`"
            raise DockerfileError(what, expected=f"`env=NAME`, or a `target` below {self.home}")

    async def _fill(self, box: Box, mount: Mount, origin: Origin, target: str) -> None:
        """Copy what is to be seen there; changes are lost, as in Docker."""
        async with scratch_directory(box) as scratch:
            if mount.selection is not None:
                await collect_selection(mount.selection, box, scratch)
            else:
                await self.collect(origin, [mount.source], box, scratch)
            await run_tool(box, _FILL, scratch, target)

    # COPY, ADD, WORKDIR

    async def _copy(self, step: CopyStep, box: Box) -> None:
        check_copy(step)
        owner = self._owner(step)
        pinned = [(await self.fetch(one), one) for one in step.remotes if one.checksum]
        fetched = (*step.fetched, *(selected(tree, one) for tree, one in pinned))
        place = self._place(box, step.destination)
        await copy_files(replace(step, fetched=fetched), box, self.collect, place, owner)

    def _owner(self, step: CopyStep) -> str:
        if Capability.ROOT_USER in self.engine.capabilities:
            return chown_word(step.owner)
        if step.owner:
            self._warn_of_users(f"--chown={step.owner}")
        return ""

    async def _make_directory(self, step: WorkdirStep, box: Box) -> None:
        who = await self._identity(box, step.user)
        owner = f"{who.ids.user}:{who.ids.group}" if who.ids else ""
        await run_tool(box, _MAKE, self._place(box, step.path), owner)

    # Who and where

    async def _identity(self, box: Box, user: str) -> Identity:
        if Capability.ROOT_USER in self.engine.capabilities:
            return await identity(box, user)
        if user.partition(":")[0] not in ("", "root", "0", box.spec.username):
            self._warn_of_users(f"USER {user}")
        return Identity()

    def _warn_of_users(self, what: str) -> None:
        tier = self.engine.tier
        self.write("warn", f"{what} has no effect: the isolation tier `{tier}` has no users of its own")

    def _place(self, box: Box, path: str) -> str:
        """Return a path as the box has it: where it has no root of its own, its home is elsewhere."""
        inside = path == self.home or path.startswith(f"{self.home}/")
        return box.home + path[len(self.home) :] if inside else path


_HIDE = """
[ ! -e "$1" ] || mv -- "$1" "$1.runloop-hidden"
mkdir -p -- "$1"; chmod -- "$2" "$1"; [ "$3" = 0:0 ] || chown -- "$3" "$1"
"""
_HIDE_FILE = '[ ! -e "$1" ] || mv -- "$1" "$1.runloop-hidden"'
_HAND_OVER = '[ "$3" = 0:0 ] || chown -- "$3" "$1"; chmod -- "$2" "$1"'
_FILL = """
if [ -e "$1/single" ]; then rmdir -- "$2"; find "$1/files" -mindepth 1 -exec mv -- {} "$2" \\;
else cp -a -- "$1/files/." "$2/"; fi
"""
_UNCOVER = 'rm -rf -- "$1"; [ ! -e "$1.runloop-hidden" ] || mv -- "$1.runloop-hidden" "$1"'
# Each missing directory above it gets the owner too.
_MAKE = """
make() {
    [ ! -d "$1" ] || return 0
    parent=${1%/*}
    make "${parent:-/}" "$2"
    mkdir -- "$1"
    [ -z "$2" ] || chown -- "$2" "$1"
}
make "$1" "$2"
"""
