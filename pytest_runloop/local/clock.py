"""Time, as something that can be handed in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Something that will happen, unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not happen. No error if it has happened."""


class Clock(Protocol):
    """All that the server knows of time."""

    def now_ms(self) -> int:
        """Return the milliseconds since the epoch."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back once, after so many seconds, on the event loop."""


class SystemClock:
    """The real time."""

    def now_ms(self) -> int:
        """Return the milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back once, after so many seconds, on the event loop."""
        return asyncio.get_running_loop().call_later(seconds, callback)
