"""Shows to people, in the controller, what workers have to say."""

from __future__ import annotations

from collections.abc import Callable

from .background import Background
from .journal import Journal


class Relay(Background):
    """Looks for lines that workers left, and shows each once.

    :param notices: where they leave them.
    :param speak: shows a line to people.
    """

    name = "runloop-relay"
    seconds = 1.0

    def __init__(self, notices: Journal, speak: Callable[[str], None]) -> None:
        super().__init__()
        self._notices = notices
        self._speak = speak
        self._shown = 0

    def look(self) -> None:
        """Show what is new."""
        lines = [str(notice["line"]) for notice in self._notices.read("line")]
        for line in lines[self._shown :]:
            self._speak(line)
        self._shown = len(lines)
