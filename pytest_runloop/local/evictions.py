"""Evictions: devboxes whose host is to be taken away, with a time until which they go on running there.

This machine takes none away by itself: a plan of faults says when.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from ..contract.views.devboxes import DevboxEvictionEventView
from .clock import Clock, Timer
from .life import Life
from .notice import Notice, hold


@dataclass(frozen=True, slots=True)
class _Pending:
    """An eviction that is announced.

    :param number: counts them all.
    :param stay: which of the devbox's stays it ends: one that was suspended or reset has left that host.
    """

    number: int
    event: DevboxEvictionEventView
    life: Life
    stay: int
    timer: Timer

    @property
    def stands(self) -> bool:
        """Whether the devbox is still where it was."""
        return not self.life.devbox.ended and self.life.stay == self.stay


class Evictions:
    """All that are announced, one of each devbox at the most."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: dict[str, _Pending] = {}
        self._count = 0
        self.changed = Notice()
        """Rung when one is announced, and at the end."""
        self.closed = False

    def announce(self, life: Life, seconds: float) -> bool:
        """Let a devbox be suspended after so many seconds, if it runs then.

        :return: whether that is new: one that has ended, or is to be evicted already, stays as it is.
        """
        identifier = life.devbox.id
        before = self._pending.get(identifier)
        if life.devbox.ended or (before is not None and before.stands):
            return False
        self._count += 1
        deadline = self._clock.now_ms() + round(seconds * 1000)
        event = DevboxEvictionEventView(devbox_id=identifier, eviction_deadline_ms=deadline)
        timer = self._clock.call_later(seconds, lambda: self._due(identifier))
        self._pending[identifier] = _Pending(self._count, event, life, life.stay, timer)
        life.devbox.log.note("stats", f"its host is taken away in {seconds:g} s: it will be suspended then")
        life.on_end(lambda: self._forget(identifier))
        self.changed.ring()
        return True

    def _due(self, identifier: str) -> None:
        pending = self._pending.pop(identifier)
        if pending.stands and pending.life.devbox.status == "running":
            pending.life.devbox.log.note("stats", "its host was taken away: it is suspended", level="warn")
            pending.life.suspend()

    def _forget(self, identifier: str) -> None:
        if identifier in self._pending:
            self._pending.pop(identifier).timer.cancel()

    def after(self, number: int) -> list[tuple[int, DevboxEvictionEventView]]:
        """Return those that were announced after another, and still stand, with their numbers."""
        found = [one for one in self._pending.values() if one.number > number and one.stands]
        return [(one.number, one.event) for one in sorted(found, key=lambda one: one.number)]

    def close(self) -> None:
        """Evict nobody any more, and let nobody watch."""
        for identifier in list(self._pending):
            self._forget(identifier)
        self.closed = True
        self.changed.ring()


class EvictionStream:
    """The evictions that are announced, and those that will be, as server-sent events.

    :param silence: seconds without one after which a comment keeps the connection alive.
    :param lasting: seconds after which the stream ends; who watches on asks again, and misses none that
        stands.
    """

    length = None

    def __init__(self, evictions: Evictions, clock: Clock, silence: float, lasting: float) -> None:
        self._evictions = evictions
        self._clock = clock
        self._silence = silence
        self._until_ms = clock.now_ms() + lasting * 1000
        self._seen = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # Sent at once: the client sees that the stream is there before there is any.
        yield b": evictions follow\n\n"
        while not self._evictions.closed and (left := self._left()) > 0:
            for number, event in self._evictions.after(self._seen):
                self._seen = number
                yield b"data: " + event.model_dump_json().encode() + b"\n\n"
            if not await self._announced(min(self._silence, left)):
                yield b": none is new\n\n"

    def _left(self) -> float:
        return (self._until_ms - self._clock.now_ms()) / 1000

    async def _announced(self, seconds: float) -> bool:
        evictions = self._evictions
        return await hold(
            self._clock,
            evictions.changed,
            lambda: evictions.closed or bool(evictions.after(self._seen)),
            seconds,
        )

    async def aclose(self) -> None:
        """Nothing is held."""
