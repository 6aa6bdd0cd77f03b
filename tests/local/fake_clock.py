"""A clock that stands still until it is told otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(eq=False)
class FakeTimer:
    """A timer of the fake clock."""

    due: float
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        """Let it not happen."""
        self.cancelled = True


@dataclass
class FakeClock:
    """Time that passes by `advance` only."""

    seconds: float = 1_700_000_000.0
    timers: list[FakeTimer] = field(default_factory=list)

    def now_ms(self) -> int:
        """Return the milliseconds since the epoch."""
        return int(self.seconds * 1000)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> FakeTimer:
        """Call back when so many seconds have passed."""
        timer = FakeTimer(self.seconds + seconds, callback)
        self.timers.append(timer)
        return timer

    async def asked(self, timers: int) -> None:
        """Wait until there are so many timers."""
        while len(self.timers) < timers:  # noqa: ASYNC110
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Let time pass, with everything that is due on the way."""
        end = self.seconds + seconds
        while due := self._next(end):
            self.seconds = max(self.seconds, due.due)
            due.callback()
            await asyncio.sleep(0)
        self.seconds = end
        await asyncio.sleep(0)

    def _next(self, end: float) -> FakeTimer | None:
        self.timers = [timer for timer in self.timers if not timer.cancelled]
        ready = [timer for timer in self.timers if timer.due <= end]
        due = min(ready, key=lambda timer: timer.due, default=None)
        if due is not None:
            self.timers.remove(due)
        return due
