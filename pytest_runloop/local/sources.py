"""What a build reads from outside: its contexts, and what ADD gets from elsewhere; kept while it lasts."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from .archives import ArchiveError, unpack
from .dockerfile.context import Tree
from .dockerfile.errors import DockerfileError
from .dockerfile.plan import Remote
from .downloads import download
from .repositories import check_out
from .settings import Settings
from .setup import Write


@dataclass(frozen=True, slots=True)
class ContextObject:
    """A storage object that is a build context.

    :param name: what it is called, for messages.
    :param open: gives a descriptor of its content, which the caller closes.
    """

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
                await check_out(remote.url, remote.ref, root, keep_git=remote.keep_git)
            else:
                await download(remote.url, root, self.settings, remote.checksum)
            self._fetched[remote] = Tree(root)
        return self._fetched[remote]


@asynccontextmanager
async def opened(
    contexts: Contexts, directory: Path, settings: Settings, write: Write
) -> AsyncIterator[Sources]:
    """Unpack the contexts of a build, and remove them and all that was fetched after it.

    :param directory: where to; what a dead server leaves there is swept.
    :param write: takes the lines of the build's log.
    :raises DockerfileError: if one cannot be unpacked.
    """
    place = Path(tempfile.mkdtemp(prefix="build-", dir=directory))
    try:
        objects = [*contexts.named.values(), *([contexts.main] if contexts.main else [])]
        with ExitStack() as files:
            contents = [files.enter_context(os.fdopen(one.open(), "rb")) for one in objects]
            trees = await asyncio.to_thread(_trees, objects, contents, place)
        main = trees.pop() if contexts.main else None
        yield Sources(main, dict(zip(contexts.named, trees, strict=True)), place, settings, write)
    finally:
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)


def _trees(objects: list[ContextObject], contents: Sequence[IO[bytes]], place: Path) -> list[Tree]:
    numbered = enumerate(zip(objects, contents, strict=True))
    return [_tree(one, content, place / str(number)) for number, (one, content) in numbered]


def _tree(context: ContextObject, content: IO[bytes], root: Path) -> Tree:
    root.mkdir()
    try:
        unpack(content, root)
    except ArchiveError as error:
        what = f"the build context {context.name} is not unpacked: {error}"
        raise DockerfileError(what, expected="a directory uploaded with upload_from_dir") from None
    return Tree.of_context(root)
