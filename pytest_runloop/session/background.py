"""What the owner of a run does beside its tests, again and again until the run ends."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod

END_SECONDS = 1.0


class Background(ABC):
    """Looks after something in a thread of its own.

    :cvar name: of the thread.
    :cvar seconds: between two looks.
    """

    name: str
    seconds: float

    def __init__(self) -> None:
        self._over = threading.Event()
        self._closing = contextlib.ExitStack()
        """What is to be closed at the end."""
        # A daemon: if it hangs, it must not keep pytest from ending.
        self._thread = threading.Thread(target=self._keep, daemon=True, name=self.name)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End. A look that takes long is not waited for, or not for long."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)

    @abstractmethod
    def look(self) -> None:
        """Look, and do what is due."""

    def _keep(self) -> None:
        with self._closing:
            while not self._over.wait(self.seconds):
                with contextlib.suppress(Exception):  # no test is to fail of it; the next look is soon
                    self.look()
