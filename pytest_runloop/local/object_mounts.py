"""Puts storage objects into a devbox: as a file, or unpacked as a directory."""

from __future__ import annotations

import asyncio
import gzip
import os
import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, cast

from .archives import ArchiveError, check, is_archive
from .descriptors import copy_all
from .engine.protocol import Box
from .errors import ENGINE_ERRORS, ApiError, as_api_error
from .setup import SetupError
from .tools import run_tool

_ARCHIVES = ("tar", "tgz", "gzip")
_FILTERS = {b"\x1f\x8b": "-z", b"BZ": "-j", b"\xfd7": "-J"}
"""What tar needs to be told of its standard input, by how that begins."""
# `-o`: the files belong to whom the devbox belongs to, whatever the archive says.
_UNPACK = 'mkdir -p -- "$1"; cd -- "$1"; exec tar $2 -xof -'


@dataclass(frozen=True, slots=True)
class ObjectMount:
    """An object, and where it goes.

    :param name: what it is called, for messages.
    :param path: absolute, relative to the home, or beginning with `~/`.
    :param open: gives a descriptor of its content, which the caller closes.
    """

    name: str
    content_type: str
    path: str
    open: Callable[[], int]


async def mount_objects(box: Box, mounts: Iterable[ObjectMount]) -> None:
    """Write objects into a box.

    A `tar`, `tgz` or `gzip` that is an archive becomes a directory; another `gzip` is unpacked as one file.

    :raises SetupError: if one cannot be written; the text says which.
    """
    for mount in mounts:
        try:
            with os.fdopen(mount.open(), "rb") as content:
                await _mount(box, mount, content)
        except (*ENGINE_ERRORS, ApiError, ArchiveError, EOFError, SetupError) as error:
            what = f"mount the object {mount.name} at {mount.path}"
            told = as_api_error(error, what) if isinstance(error, (*ENGINE_ERRORS, ApiError)) else error
            raise SetupError(str(told) if what in str(told) else f"cannot {what}: {told}") from error


async def _mount(box: Box, mount: ObjectMount, content: IO[bytes]) -> None:
    if mount.content_type not in _ARCHIVES:
        await _write(box, mount.path, content)
    elif mount.content_type != "gzip" or await asyncio.to_thread(is_archive, content):
        await _unpack(box, mount.path, content)
    else:
        with gzip.open(content) as plain:
            await _write(box, mount.path, cast("IO[bytes]", plain))


async def _write(box: Box, path: str, content: IO[bytes]) -> None:
    draft = await box.draft(path)
    try:
        await asyncio.to_thread(copy_all, content, draft.descriptor)
        await draft.keep()
    finally:
        draft.drop()


async def _unpack(box: Box, path: str, content: IO[bytes]) -> None:
    await asyncio.to_thread(check, content)
    beginning = content.read(2)
    os.lseek(content.fileno(), 0, os.SEEK_SET)
    place = posixpath.join(box.home, path.removeprefix("~/")) if path != "~" else box.home
    await run_tool(box, _UNPACK, place, _FILTERS.get(beginning, ""), stdin=content.fileno())
