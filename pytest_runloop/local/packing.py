"""Sends files of the server into a box."""

from __future__ import annotations

import asyncio
import os
import tarfile
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from .descriptors import close_quietly
from .dockerfile.context import Entry
from .engine.protocol import Box, EngineError, Layers
from .errors import ENGINE_ERRORS, as_api_error
from .logbook import LineSink
from .processes import start
from .setup import SetupError

_KINDS = {"file": tarfile.REGTYPE, "directory": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE}


async def send(entries: Iterable[tuple[str, Entry]], box: Box, into: str) -> None:
    """Write entries into a directory of a box, owned by root where the box has users.

    :param entries: each with its path below that directory.
    :raises SetupError: if they cannot be written.
    """
    kept = list(entries)
    argv = ["tar", "--numeric-owner", "-C", into, "-xpf", "-"]

    def write(archive: tarfile.TarFile) -> None:
        for name, entry in kept:
            _add(archive, name, entry)

    await _through(box, argv, lambda out: asyncio.to_thread(_pack, write, out))


async def send_directory(root: Path, box: Box, into: str) -> None:
    """Write all that is in a directory into a directory of a box, owned by whom the box belongs to.

    :raises SetupError: if it cannot be written.
    """

    def write(archive: tarfile.TarFile) -> None:
        archive.add(root, ".")

    argv = ["tar", "-C", into, "-xof", "-"]
    await _through(box, argv, lambda out: asyncio.to_thread(_pack, write, out))


async def send_from_root(layers: Layers, layer: str, sources: Sequence[str], box: Box, into: str) -> None:
    """Write parts of the root of an image into a directory of a box, with their owners and modes.

    :param layer, sources: as `Layers.read_root` has them.
    :raises SetupError: if something is missing or cannot be written.
    """
    missing = ""

    async def feed(out: int) -> Exception | None:
        nonlocal missing
        try:
            missing = await layers.read_root(layer, sources, out)
        except EngineError as error:
            return error
        finally:
            close_quietly(out)
        return None

    await _through(box, ["tar", "--numeric-owner", "-C", into, "-xpf", "-"], feed)
    if missing:
        raise SetupError(missing)


async def _through(box: Box, argv: list[str], feed: Callable[[int], Awaitable[Exception | None]]) -> None:
    """Have a program in a box read an archive while it is written.

    :param feed: writes it into a descriptor, closes that, and returns what went wrong.
    """
    reading, writing = os.pipe()
    out, err = LineSink(_quiet), LineSink(_quiet)
    try:
        unpacking = await start(box, argv, {}, out, err, reading)
    except ENGINE_ERRORS as error:
        close_quietly(writing)
        raise SetupError(str(as_api_error(error, "start tar"))) from error
    finally:
        close_quietly(reading)
    trouble = await feed(writing)
    if await unpacking.finish():
        raise SetupError("the files could not be copied:\n" + "\n".join(err.last))
    if trouble is not None:
        raise SetupError(f"the files could not be read: {trouble}") from trouble


def _pack(write: Callable[[tarfile.TarFile], None], writing: int) -> OSError | None:
    """Write an archive into a pipe, and return what went wrong; the other end may have gone."""
    try:
        with os.fdopen(writing, "wb") as pipe, tarfile.open(fileobj=pipe, mode="w|") as archive:
            write(archive)
    except OSError as error:
        return error
    return None


def _add(archive: tarfile.TarFile, name: str, entry: Entry) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.linkname = _KINDS[entry.kind], entry.mode, entry.link
    status = entry.path.lstat()
    member.mtime = int(status.st_mtime)
    if entry.kind != "file":
        archive.addfile(member)
        return
    with os.fdopen(os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as content:
        member.size = status.st_size
        archive.addfile(member, content)


def _quiet(_line: str) -> None:
    """What tar prints is shown if it fails."""
