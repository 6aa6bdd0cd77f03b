"""Shows to people, in the controller, what workers have to say."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .journal import Journal

_LOOK_SECONDS = 1.0


class Relay:
    """Looks for lines that workers left, and shows each once.

    :param notices: where they leave them.
    :param speak: shows a line to people.
    """

    def __init__(self, notices: Journal, speak: Callable[[str], None]) -> None:
        self._notices = notices
        self._speak = speak
        self._shown = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="runloop-relay")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._over.set()
        self._thread.join(_LOOK_SECONDS)

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            lines = [str(notice["line"]) for notice in self._notices.read("line")]
            for line in lines[self._shown :]:
                self._speak(line)
            self._shown = len(lines)
