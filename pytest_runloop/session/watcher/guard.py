"""Sees, in the run's owner, that the watcher lives: what kills processes at random may kill it too."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from . import replace_killed

_LOOK_SECONDS = 2.0


class Guard:
    """Starts another watcher in place of one that was killed.

    :param path: the directory of a run that this process owns.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name="runloop-watcher-guard")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End. A watcher that is being started ends by itself when the run does."""
        self._over.set()
        self._thread.join(1.0)

    def _keep(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            with contextlib.suppress(Exception):  # no test is to fail because of it; the next look is soon
                replace_killed(self._path)
