"""Says who holds the devboxes that others wait for: in the controller, which has the terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .pool import Pool

FIRST_SECONDS = 10.0
AGAIN_SECONDS = 60.0
_LOOK_SECONDS = 1.0


class WaitNotice:
    """Watches the line of those who wait.

    :param pool: the run's.
    :param speak: shows a line to people.
    """

    def __init__(self, pool: Pool, speak: Callable[[str], None]) -> None:
        self._pool = pool
        self._speak = speak
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="runloop-wait-notice")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._over.set()
        self._thread.join(_LOOK_SECONDS)

    def _watch(self) -> None:
        due = FIRST_SECONDS
        while not self._over.wait(_LOOK_SECONDS):
            waited = self._pool.longest_wait()
            if waited < FIRST_SECONDS:
                due = FIRST_SECONDS
            elif waited >= due:
                due = waited + AGAIN_SECONDS
                self._speak(_line(waited, [str(holder) for holder in self._pool.holders()]))


def _line(waited: float, holders: list[str]) -> str:
    busy = "; ".join(holders) or "nobody"
    return f"runloop: waiting for a devbox for {waited:.0f} s; {len(holders)} in use, by {busy}"
