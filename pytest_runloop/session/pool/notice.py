"""Says who holds the devboxes that others wait for: in the controller, which has the terminal."""

from __future__ import annotations

from collections.abc import Callable

from ..background import Background
from .pool import Pool

FIRST_SECONDS = 10.0
AGAIN_SECONDS = 60.0


class WaitNotice(Background):
    """Watches the line of those who wait.

    :param pool: the run's.
    :param speak: shows a line to people.
    """

    name = "runloop-wait-notice"
    seconds = 1.0

    def __init__(self, pool: Pool, speak: Callable[[str], None]) -> None:
        super().__init__()
        self._pool = pool
        self._speak = speak
        self._due = FIRST_SECONDS

    def look(self) -> None:
        """Say it, if somebody waits for long and it was not said lately."""
        waited = self._pool.longest_wait()
        if waited < FIRST_SECONDS:
            self._due = FIRST_SECONDS
        elif waited >= self._due:
            self._due = waited + AGAIN_SECONDS
            self._speak(_line(waited, [str(holder) for holder in self._pool.holders()]))


def _line(waited: float, holders: list[str]) -> str:
    busy = "; ".join(holders) or "nobody"
    return f"runloop: waiting for a devbox for {waited:.0f} s; {len(holders)} in use, by {busy}"
