"""Files of a devbox, in both directions, whatever their size."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from ..contract.params.devboxes import DevboxUploadFileParams
from ..contract.validation import InvalidParamsError, validated
from .descriptors import READ, close_quietly, copy_all, write_all, write_file
from .devboxes import Devbox
from .engine.protocol import Draft
from .errors import ENGINE_ERRORS, ApiError, as_api_error, invalid
from .launch import check_path
from .life import Life
from .multipart import Event, PartData, PartEnd, PartStart, extend_field, text_of

_CHUNK = 256 * 1024
_PIECES = 64


async def write(devbox: Devbox, path: str, text: str) -> None:
    """Write a text file, making missing directories.

    :raises ApiError: if it cannot be written.
    """
    check_path(path, "`file_path`")
    doing = f"write {path} ({len(text.encode()):,} bytes)"
    box = devbox.running_box(doing)
    try:
        await write_file(box, path, text)
    except ENGINE_ERRORS as error:
        raise as_api_error(error, doing) from error
    devbox.log.note("files", f"wrote {path}")


class FileBody:
    """A file's bytes, read while they are sent: those that it has now, should it grow meanwhile.

    :param fd: the open file; this object owns it.
    :param length: its size, `None` if that is not known.
    :param closed: called once it is closed.
    """

    def __init__(self, fd: int, length: int | None, closed: Callable[[], None] = lambda: None) -> None:
        self._fd = fd
        self.length = length
        self._closed = closed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = sys.maxsize if self.length is None else self.length
        while data := await asyncio.to_thread(os.read, self._fd, min(_CHUNK, left)):
            yield data
            left -= len(data)
        if left and self.length is not None:
            raise EOFError(f"a file became shorter while it was sent: {left:,} bytes are missing")

    async def aclose(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            close_quietly(self._fd)
            self._fd = -1
            self._closed()


async def read(life: Life, path: str, name: str) -> FileBody:
    """Open a file to be sent. The devbox is in use until that is done.

    :param name: the parameter that named it.
    :raises ApiError: if it cannot be read.
    """
    check_path(path, name)
    with life.using():
        fd = await _opened(life.devbox, path)
    life.idleness.begin_use()
    return FileBody(fd, _known_size(os.fstat(fd)), life.idleness.end_use)


def _known_size(status: os.stat_result) -> int | None:
    # What the kernel makes up, as in /proc and /sys, has no blocks, and a size that means nothing.
    return status.st_size if status.st_blocks else None


async def _opened(devbox: Devbox, path: str) -> int:
    doing = f"read {path}"
    box = devbox.running_box(doing)
    try:
        fd = await box.open(path, READ)
    except ENGINE_ERRORS as error:
        raise as_api_error(error, doing) from error
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        devbox.log.note("files", doing)
        return fd
    os.close(fd)
    if stat.S_ISDIR(mode):
        raise ApiError(400, "is_a_directory", f"cannot {doing}: it is a directory")
    raise invalid(f"cannot {doing}: it is a device or pipe, not a file")


class Gatherer:
    """Writes what arrives in small pieces, many at a time: each time costs a thread's.

    :param fd: where they go; the caller's.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pieces: list[bytes | memoryview] = []
        self._size = 0

    async def add(self, piece: bytes | memoryview) -> None:
        """Take a piece."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size >= _CHUNK or len(self._pieces) >= _PIECES:
            await self.flush()

    async def flush(self) -> None:
        """Write what was not yet."""
        pieces, self._pieces, self._size = self._pieces, [], 0
        await asyncio.to_thread(_write_each, self._fd, pieces)


def _write_each(fd: int, pieces: list[bytes | memoryview]) -> None:
    for piece in pieces:
        write_all(fd, piece)


class Upload:
    """An upload while it arrives: its `path`, and its `file`, which goes straight into the devbox.

    Forms may carry the file before the path; then it waits in a temporary file.

    :param devbox: where the file goes.
    :param directory: for the temporary file; `/tmp` may be memory.
    """

    def __init__(self, devbox: Devbox, directory: Path) -> None:
        self._devbox = devbox
        self._directory = directory
        self._fields: dict[str, bytearray] = {}
        self._current: PartStart | None = None
        self._draft: Draft | None = None
        self._gatherer: Gatherer | None = None
        self._waiting: BinaryIO | None = None
        self._path: str | None = None

    async def take(self, events: AsyncIterator[Event]) -> None:
        """Take a whole form.

        :raises ApiError: if a field is missing or unknown, or the file cannot be written.
        """
        try:
            async for event in events:
                await self._take(event)
            await self._finish()
        except ENGINE_ERRORS as error:
            raise as_api_error(error, f"write {self._path}") from error
        finally:
            self._close()

    async def _take(self, event: Event) -> None:
        match event:
            case PartStart():
                await self._begin(event)
            case PartData(data):
                await self._more(data)
            case PartEnd():
                self._current = None

    async def _begin(self, part: PartStart) -> None:
        self._current = part
        if part.name != "file":
            self._fields[part.name] = bytearray()
        elif self._draft is not None or self._waiting is not None:
            raise invalid("the form holds more than one `file`")
        elif "path" in self._fields:
            await self._open()
        else:
            self._waiting = TemporaryFile(dir=self._directory)  # noqa: SIM115

    async def _open(self) -> None:
        texts = {name: text_of(data, name) for name, data in self._fields.items()}
        try:
            path = validated(DevboxUploadFileParams, texts)["path"]
        except InvalidParamsError as error:
            raise invalid(str(error)) from None
        check_path(path, "`path`")
        self._path = path
        self._draft = await self._devbox.running_box(f"write {path}").draft(path)
        self._gatherer = Gatherer(self._draft.descriptor)

    async def _more(self, data: memoryview) -> None:
        assert self._current is not None
        if self._current.name != "file":
            extend_field(self._fields[self._current.name], data, self._current.name)
        elif self._waiting is not None:
            await asyncio.to_thread(self._waiting.write, data)
        elif self._gatherer is not None:
            await self._gatherer.add(data)

    async def _finish(self) -> None:
        if self._waiting is not None:
            await self._open()
        if self._draft is None or self._gatherer is None:
            raise invalid("`file` is missing")
        await self._gatherer.flush()
        if self._waiting is not None:
            await asyncio.to_thread(self._waiting.seek, 0)
            await asyncio.to_thread(copy_all, self._waiting, self._draft.descriptor)
        await self._draft.keep()
        self._devbox.log.note("files", f"wrote {self._path}")

    def _close(self) -> None:
        if self._waiting is not None:
            self._waiting.close()
        if self._draft is not None:
            self._draft.drop()
