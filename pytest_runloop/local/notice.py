"""Waking those who wait for a change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .clock import Clock


class Notice:
    """A bell: `ring` wakes everybody who waits at that moment."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def next(self) -> asyncio.Future[None]:
        """Return a future that the next ring completes. All waiters share it: do not cancel it."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return self._next

    def ring(self) -> None:
        """Wake all waiters."""
        if self._next is not None:
            self._next.set_result(None)
            self._next = None


async def hold(clock: Clock, notice: Notice, test: Callable[[], bool], seconds: float | None) -> bool:
    """Wait until a test holds, looking again at each ring.

    :param seconds: how long at the most; `None` waits without end.
    :return: whether it holds.
    """
    if test():
        return True
    expired: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timer = clock.call_later(seconds, lambda: _complete(expired)) if seconds is not None else None
    try:
        while not test() and not expired.done():
            await asyncio.wait({notice.next(), expired}, return_when=asyncio.FIRST_COMPLETED)
        return test()
    finally:
        if timer is not None:
            timer.cancel()


def _complete(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
