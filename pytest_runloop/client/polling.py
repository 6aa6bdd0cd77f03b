"""How long a wait may last, and how it is paced. Time is passed in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from ..contract.params.options import PollingConfig

_QUICK_SECONDS: Final = 1.0
"""A long poll that comes back sooner than this without news was not held by the service."""


class Budget:
    """The time that one wait has.

    :param config: what the caller asked for, `None` for the defaults.
    :param clock: gives a time in seconds that only grows.
    """

    def __init__(self, config: PollingConfig | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config or PollingConfig()
        self._exact = config is not None
        self._clock = clock
        self._start = clock()
        self._looks = 0

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    @property
    def left(self) -> float:
        """Seconds that are left, never less than 0."""
        return max(0.0, self.config.budget_seconds - self.spent)

    @property
    def over(self) -> bool:
        """Whether the time has run out."""
        return self.left <= 0

    def pause_between_looks(self) -> float | None:
        """Return the pause before the next look in seconds, or `None` if there shall be no further look.

        Without a configuration of the caller's the first pauses are short, since much is done in
        milliseconds; with one, its interval and its number of looks hold exactly.
        """
        self._looks += 1
        if self.over or (self._exact and self._looks >= self.config.max_attempts):
            return None
        pause = self.config.interval_seconds
        if not self._exact:
            pause = min(pause, 0.01 * 2.0 ** min(self._looks - 1, 10))
        return min(pause, self.left)


class Pacer:
    """Keeps long polls that are not held, or that fail, from becoming a storm of requests."""

    def __init__(self) -> None:
        self._quick = 0

    def pause_after(self, seconds: float) -> float:
        """Return the pause after a long poll that brought nothing.

        :param seconds: how long it took.
        """
        if seconds >= _QUICK_SECONDS:
            self._quick = 0
            return 0.0
        self._quick += 1
        return min(_QUICK_SECONDS, 0.05 * 2.0 ** min(self._quick - 1, 10))
