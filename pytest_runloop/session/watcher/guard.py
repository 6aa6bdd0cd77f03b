"""Sees, in the run's owner, that the watcher lives: what kills processes at random may kill it too."""

from __future__ import annotations

from pathlib import Path

from ..background import Background
from . import replace_killed


class Guard(Background):
    """Starts another watcher in place of one that was killed.

    :param path: the directory of a run that this process owns.
    """

    name = "runloop-watcher-guard"
    seconds = 2.0

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def look(self) -> None:
        """Start one where it is due. One that is being started when the run ends, ends with it."""
        replace_killed(self._path)
