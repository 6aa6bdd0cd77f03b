"""A clock that stands still until a test advances it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False)
class VirtualTimer:
    due: float
    callback: Callable[[], None] | None

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """Time that passes by `advance` alone."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0
        self._timers: list[VirtualTimer] = []

    def now_ms(self) -> int:
        return round(self.seconds * 1000)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> VirtualTimer:
        timer = VirtualTimer(self.seconds + seconds, callback)
        self._timers.append(timer)
        return timer

    async def advance(self, seconds: float) -> None:
        """Let time pass, and what is due happen, with all that follows from it at once."""
        await _settle()
        self.seconds += seconds
        for timer in sorted(self._timers, key=lambda timer: timer.due):
            if timer.due <= self.seconds and timer.callback is not None:
                timer.callback()
                timer.cancel()
        await _settle()


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
