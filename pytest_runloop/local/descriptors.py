"""Small work on file descriptors and on files of a box."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import IO

from .engine.protocol import Box

_CHUNK = 256 * 1024

# Without O_NONBLOCK, a named pipe in the place of a file would block whoever opens it.
READ = os.O_RDONLY | os.O_NONBLOCK


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of these bytes."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def copy_all(source: IO[bytes], fd: int) -> None:
    """Write all that is left of a file."""
    while data := source.read(_CHUNK):
        write_all(fd, data)


def close_quietly(*fds: int) -> None:
    """Close descriptors, whatever their state."""
    for fd in fds:
        with suppress(OSError):
            os.close(fd)


async def write_file(box: Box, path: str, text: str, *, mode: int = 0o644) -> None:
    """Write a text file into a box, whole or not at all, making missing directories.

    :raises OSError, CapabilityError, EngineError: if it cannot be written.
    """
    draft = await box.draft(path, mode)
    try:
        await asyncio.to_thread(write_all, draft.descriptor, text.encode())
        await draft.keep()
    finally:
        draft.drop()
