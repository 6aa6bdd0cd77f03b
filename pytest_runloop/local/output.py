"""What a command printed: a little in memory, the rest in a file."""

from __future__ import annotations

import asyncio
import codecs
import errno
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import NamedTuple

from .notice import Notice
from .settings import Settings

_KEPT_IN_MEMORY = 8 * 1024
"""Of an output that is complete; one of a quick command never touches the disk."""


class Tail(NamedTuple):
    """The end of an output, as text.

    :param truncated: whether something stands before it.
    """

    text: str
    truncated: bool


class Decoded(NamedTuple):
    """Text, and how many bytes of the input it stands for."""

    text: str
    used: int


def decoded(data: bytes, *, final: bool) -> Decoded:
    """Decode UTF-8 that begins at a character, and stop before an incomplete one.

    Wherever the input is cut into pieces by this function, the pieces together give the same text.

    :param final: whether nothing follows: then an incomplete character is an invalid one.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data, final)
    pending, _ = decoder.getstate()
    return Decoded(text, len(data) - len(pending))


class Output:
    """One output of a command, growing until it is closed.

    :param path: where the file may be made, if one is needed.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path = path
        self._settings = settings
        self._memory = bytearray()
        self._in_file = 0
        self._writing = asyncio.Lock()
        self.size = 0
        self.closed = False
        self.lost = ""
        """Why the end of the output was not kept, or an empty text."""
        self.changed = Notice()

    def feed(self, data: bytes) -> Awaitable[None] | None:
        """Add bytes.

        :return: something to await before more is added, once enough has gathered for the file.
        """
        data = self._fitting(data)
        if not data:
            return None
        self._memory += data
        self.size += len(data)
        self.changed.ring()
        return self._spill() if len(self._memory) > self._settings.output_memory else None

    def _fitting(self, data: bytes) -> bytes:
        room = 0 if self.lost else self._settings.output_max - self.size
        if len(data) > room and not self.lost:
            self.lost = f"only the first {self._settings.output_max:,} bytes of the output are kept"
        return data[:room]

    def close(self) -> None:
        """Say that nothing more comes."""
        self.closed = True
        self.changed.ring()

    async def settle(self) -> None:
        """Free the memory of an output that is complete."""
        if len(self._memory) > _KEPT_IN_MEMORY:
            await self._spill()

    async def _spill(self) -> None:
        async with self._writing:
            data = bytes(self._memory)
            try:
                await asyncio.to_thread(_append, self._path, data)
            except OSError as error:
                self._give_up(error)
                return
            self._in_file += len(data)
            del self._memory[: len(data)]

    def _give_up(self, error: OSError) -> None:
        self.lost = f"the output could not be kept: {error.strerror}"
        self.size = self._in_file
        self._memory.clear()

    async def read(self, offset: int, count: int) -> bytes:
        """Return up to so many bytes from an offset: less only where the output ends by now."""
        data = bytearray()
        # A character may begin in the file and end in memory: who got only its beginning could not go on.
        while len(data) < count and offset + len(data) < self._in_file:
            data += await self._stored(offset + len(data), count - len(data))
        start = offset + len(data) - self._in_file
        return bytes(data + self._memory[start : start + count - len(data)])

    async def _stored(self, offset: int, count: int) -> bytes:
        data = await asyncio.to_thread(_pread, self._path, min(count, self._in_file - offset), offset)
        if not data:
            raise OSError(errno.EIO, "the file of an output is shorter than it was", str(self._path))
        return data

    async def tail(self, lines: int, limit: int) -> Tail:
        """Return the last lines.

        :param lines: how many at the most.
        :param limit: how many bytes at the most.
        """
        start = max(0, self.size - limit)
        data = await self._range(start, self.size)
        cut = _last_lines(data, lines)
        truncated = start + cut > 0 or bool(self.lost)
        if cut == 0 and start > 0:
            cut = _first_character(data)
        return Tail(decoded(data[cut:], final=True).text, truncated)

    async def _range(self, start: int, end: int) -> bytes:
        data = bytearray()
        while start + len(data) < end and (
            more := await self.read(start + len(data), end - start - len(data))
        ):
            data += more
        return bytes(data)

    def discard(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _pread(path: Path, count: int, offset: int) -> bytes:
    with path.open("rb") as file:
        return os.pread(file.fileno(), count, offset)


def _last_lines(data: bytes, lines: int) -> int:
    """Return where the last lines begin. A line ends with a newline or with the output."""
    if lines <= 0:
        return len(data)
    position = len(data) - 1 if data.endswith(b"\n") else len(data)
    for _ in range(lines):
        position = data.rfind(b"\n", 0, max(0, position))
        if position < 0:
            return 0
    return position + 1


def _first_character(data: bytes) -> int:
    """Return where the first whole character begins: at most three bytes belong to a cut one."""
    position = 0
    while position < min(3, len(data)) and data[position] & 0xC0 == 0x80:
        position += 1
    return position
