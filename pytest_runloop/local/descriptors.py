"""Small work on file descriptors and on files of a box."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

from .engine.protocol import Box

# Without O_NONBLOCK, a named pipe in the place of a file would block whoever opens it.
READ = os.O_RDONLY | os.O_NONBLOCK
WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK


def write_all(fd: int, data: bytes) -> None:
    """Write all of these bytes."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def close_quietly(*fds: int) -> None:
    """Close descriptors, whatever their state."""
    for fd in fds:
        with suppress(OSError):
            os.close(fd)


async def write_file(box: Box, path: str, text: str, *, flags: int = WRITE, mode: int = 0o644) -> None:
    """Write a text file into a box, making missing directories.

    :raises OSError, CapabilityError, EngineError: if it cannot be written.
    """
    fd = await box.open(path, flags, mode, parents=True)
    try:
        await asyncio.to_thread(write_all, fd, text.encode())
    finally:
        os.close(fd)
