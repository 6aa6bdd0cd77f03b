"""What a build reads from outside: its contexts, and what ADD gets from elsewhere; kept while it lasts."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from .archives import ArchiveError, unpack
from .code_mounts import Desk
from .dockerfile.context import Tree
from .dockerfile.errors import DockerfileError
from .dockerfile.plan import Remote
from .downloads import download
from .git import GitError, check_out
from .git import Remote as Repository
from .settings import Settings
from .setup import Write

_KEPT = 4
"""Contexts that stay unpacked while no build reads them."""


@dataclass(frozen=True, slots=True)
class ContextObject:
    """A storage object that is a build context.

    :param identifier: the object's id.
    :param name: what it is called, for messages.
    :param open: gives a descriptor of its content, which the caller closes.
    """

    identifier: str
    name: str
    open: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Contexts:
    """The build contexts of a blueprint.

    :param main: what COPY and ADD read from.
    :param named: what `--from` may name.
    """

    main: ContextObject | None = None
    named: Mapping[str, ContextObject] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sources:
    """The contexts as directories, and the rest when it is asked for.

    :param directory: where to put what is fetched.
    :param write: takes the lines of the build's log.
    """

    main: Tree | None
    named: Mapping[str, Tree]
    directory: Path
    settings: Settings
    write: Write
    _fetched: dict[Remote, Tree] = field(default_factory=dict)

    async def fetch(self, remote: Remote) -> Tree:
        """Return something from elsewhere, which is got once in a build.

        :raises DockerfileError: if it cannot be had.
        """
        if remote not in self._fetched:
            self.write("info", f"fetching {remote.url}")
            root = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="fetched-", dir=self.directory))
            if remote.git:
                await self._check_out(remote, root)
            else:
                await download(remote.url, root, self.settings, remote.checksum)
            self._fetched[remote] = Tree(root)
        return self._fetched[remote]

    async def _check_out(self, remote: Remote, root: Path) -> None:
        try:
            await check_out(Repository(remote.url), remote.ref, root, self.settings, keep_git=remote.keep_git)
        except GitError as error:
            raise DockerfileError(error.what, expected=error.remedy) from None


@dataclass(slots=True)
class _Unpacked:
    tree: Tree
    users: int = 0


class Workplace:
    """Where the builds of a server unpack their contexts, and keep what they fetch while they last.

    The contexts that were used last are kept for builds that read them again: objects do not change.

    :param directory: what a dead server leaves there is swept.
    """

    def __init__(self, directory: Path, settings: Settings) -> None:
        self._directory = directory
        self._settings = settings
        self._unpacked: dict[str, _Unpacked] = {}
        """By the object's id, the one that was used last at the end."""
        self._turn = asyncio.Lock()

    @property
    def desk(self) -> Desk:
        """Where repositories are cloned."""
        return Desk(self._directory, self._settings)

    @asynccontextmanager
    async def opened(self, contexts: Contexts, write: Write) -> AsyncIterator[Sources]:
        """Give a build what it reads from outside.

        :param write: takes the lines of its log.
        :raises DockerfileError: if a context cannot be unpacked.
        """
        place = Path(tempfile.mkdtemp(prefix="build-", dir=self._directory))
        try:
            async with AsyncExitStack() as stack:
                main = await stack.enter_async_context(self._tree(contexts.main)) if contexts.main else None
                named = {
                    name: await stack.enter_async_context(self._tree(one))
                    for name, one in contexts.named.items()
                }
                yield Sources(main, named, place, self._settings, write)
        finally:
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)

    @asynccontextmanager
    async def _tree(self, context: ContextObject) -> AsyncIterator[Tree]:
        unpacked = await self._used(context)
        try:
            yield unpacked.tree
        finally:
            unpacked.users -= 1
            await self._trim()

    async def _used(self, context: ContextObject) -> _Unpacked:
        async with self._turn:
            unpacked = self._unpacked.pop(context.identifier, None)
            if unpacked is None:
                with os.fdopen(context.open(), "rb") as content:
                    root = Path(tempfile.mkdtemp(prefix="context-", dir=self._directory))
                    tree = await asyncio.to_thread(_unpacked, context.name, content, root)
                unpacked = _Unpacked(tree)
            self._unpacked[context.identifier] = unpacked
            unpacked.users += 1
            return unpacked

    async def _trim(self) -> None:
        idle = [identifier for identifier, one in self._unpacked.items() if not one.users]
        for identifier in idle[: max(0, len(self._unpacked) - _KEPT)]:
            root = self._unpacked.pop(identifier).tree.root
            await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)


def _unpacked(name: str, content: IO[bytes], root: Path) -> Tree:
    try:
        unpack(content, root)
        return Tree.of_context(root)
    except ArchiveError as error:
        shutil.rmtree(root, ignore_errors=True)
        what = f"the build context {name} is not unpacked: {error}"
        raise DockerfileError(what, expected="a directory uploaded with upload_from_dir") from None
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
