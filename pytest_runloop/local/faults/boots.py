"""How long a devbox takes to boot when others boot at the same time."""

from __future__ import annotations

import heapq
import math

from ..clock import Clock
from .chance import share
from .plan import FaultPlan


class BootQueue:
    """Gives each boot its time.

    A boot takes `boot` by itself, and is slowed down by those that are under way when it begins:

        time = boot * (1 +- jitter) + a * ahead ** p

    Why a power: a queue served at a steady rate (p = 1) that fits the median of a burst is too quick for its
    slowest boots, because a busy fleet gets less done, not the same. In a burst of N the boot at quantile q
    has q * (N - 1) ahead of it, so the two measured figures (median and p99) fix `a` and `p`. `ahead` counts
    only boots that have not ended yet: well-spaced ones do not slow each other down, and a steady stream
    settles where as many end as begin. Only a boot's own part varies at random; what it waits for is shared.

    :param plan: the figures and the seed.
    :param clock: what tells when boots begin.
    """

    def __init__(self, plan: FaultPlan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._ends: list[float] = []
        self._begun = 0
        self._factor, self._power = _fitted(plan)

    def begin(self) -> float:
        """Let a boot begin now, and return how many seconds it takes."""
        now = self._clock.now_ms() / 1000
        while self._ends and self._ends[0] <= now:
            heapq.heappop(self._ends)
        seconds = self._alone() + self._factor * math.pow(len(self._ends), self._power)
        self._begun += 1
        heapq.heappush(self._ends, now + seconds)
        return seconds

    def _alone(self) -> float:
        swing = 2 * share(self._plan.seed, "boot", self._begun) - 1
        return self._plan.boot * (1 + self._plan.boot_jitter * swing)


def _fitted(plan: FaultPlan) -> tuple[float, float]:
    """Return `a` and `p` of the time that a boot waits for those ahead of it."""
    if plan.boot_median is None:
        return 0.0, 1.0
    ahead = 0.5 * (plan.boot_burst - 1)
    wait = plan.boot_median - plan.boot
    power = 1.0
    if plan.boot_p99 is not None:
        power = math.log((plan.boot_p99 - plan.boot) / wait) / math.log(0.99 / 0.5)
    return wait / math.pow(ahead, power), power
