"""Lets many in at once, or one alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Gate:
    """A lock with a shared and an exclusive side. Whoever waits for the exclusive side comes next."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @contextlib.asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Be inside together with others."""
        if self._turn.locked():
            async with self._turn:
                self._enter()
        else:
            self._enter()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    @contextlib.asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """Wait until everybody has left, and be inside alone."""
        async with self._turn:
            await self._empty.wait()
            yield

    def _enter(self) -> None:
        self._inside += 1
        self._empty.clear()
