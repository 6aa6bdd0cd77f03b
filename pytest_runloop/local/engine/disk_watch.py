"""Notices that a box wrote more than it may.

Looking at every file of a box is dear, asking a file system how much is free is not. As long as less was
taken of the whole file system than the box still may write, it cannot have written too much, unless somebody
removed something at the same time: so every now and then the files are looked at in any case.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

_EVERY = 0.5  # seconds
_IN_ANY_CASE = 30.0  # seconds
_PATIENCE = 20
"""A look at all files may take that part of the time."""


class DiskWatch:
    """Watches one box.

    :param directory: on the file system that the box writes to.
    :param most: how many bytes it may write.
    :param measure: looks at every file, and returns the bytes that it wrote.
    """

    def __init__(self, directory: Path, most: int, measure: Callable[[], Awaitable[int]]) -> None:
        self._directory = directory
        self._most = most
        self._measure = measure

    async def exceeded(self) -> int:
        """Wait until the box wrote too much, and return how many bytes it wrote."""
        loop = asyncio.get_running_loop()
        while True:
            begun, free = loop.time(), self._free()
            written = await self._measure()
            if written > self._most:
                return written
            await asyncio.sleep(max(_EVERY, (loop.time() - begun) * _PATIENCE))
            until, room = begun + _IN_ANY_CASE, self._most - written
            # A file system rings no bell.
            while loop.time() < until and free - self._free() <= room:  # noqa: ASYNC110
                await asyncio.sleep(_EVERY)

    def _free(self) -> int:
        status = os.statvfs(self._directory)
        return status.f_bfree * status.f_frsize
