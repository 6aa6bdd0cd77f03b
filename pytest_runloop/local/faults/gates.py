"""Gates: calls that are held until somebody lets them go."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, eq=False, slots=True)
class Held:
    """A call, or a devbox, that stands at a gate.

    :param endpoint: the call, or the moment, or `command`.
    :param occurrence: the how manieth it is of what the gate's rule counts.
    :param devbox_id: the devbox that it is about.
    :param request_id: the call's `x-request-id`.
    :param since_ms: when it came, in milliseconds since the epoch.
    """

    endpoint: str
    occurrence: int
    devbox_id: str | None = None
    request_id: str | None = None
    since_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)


class Gate:
    """A gate. What is released goes on; what comes later is held anew, unless the gate was left open."""

    def __init__(self) -> None:
        self.held: dict[Held, asyncio.Event] = {}
        self.released = 0
        self.open = False
        self._came = asyncio.Condition()

    async def hold(self, who: Held) -> None:
        """Return when released."""
        if self.open:
            return
        self.held[who] = asyncio.Event()
        try:
            async with self._came:
                self._came.notify_all()
            await self.held[who].wait()
        finally:
            self.held.pop(who, None)

    async def wait(self, count: int, seconds: float) -> bool:
        """Return whether so many stood at the gate within the time.

        :param count: how many must stand there at once.
        :param seconds: how long to wait for them.
        """
        try:
            async with asyncio.timeout(seconds), self._came:
                await self._came.wait_for(lambda: len(self.held) >= count)
        except TimeoutError:
            return False
        return True

    def release(self, count: int | None = None, *, leave_open: bool = False) -> int:
        """Let those go whose occurrence is the lowest, and return how many went.

        :param count: how many at the most; all by default.
        :param leave_open: hold nobody from now on.
        """
        # Not by arrival: a call's body may come after that of a later call.
        going = sorted(self.held, key=lambda who: who.occurrence)[:count]
        for who in going:
            self.held.pop(who).set()
        self.released += len(going)
        self.open = self.open or leave_open
        return len(going)
