"""Directories that let an ordinary user change what the system's owner owns.

Root of a user namespace with one id owns nothing of the host's. Below `/usr` it could create nothing. A layer of
empty directories that it does own, right above the host's, makes the merged directories its own.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_DEEPEST = 12
_MOST = 40_000
"""Directories. A machine with more of them keeps the deepest ones unchangeable."""


class Skin:
    """Makes the skin of one directory after the other.

    :param directory: takes them, each by its name.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._made = 0

    def cover(self, name: str) -> None:
        """Make the skin of a directory of the host, breadth first.

        :param name: without the leading slash.
        """
        level = [name]
        for _ in range(_DEEPEST):
            level = [below for place in level for below in self._cover_one(place)]

    def _cover_one(self, place: str) -> list[str]:
        if self._made >= _MOST:
            return []
        self._made += 1
        target = self._directory / place
        target.mkdir(parents=True, exist_ok=True)
        try:
            with os.scandir(f"/{place}") as entries:
                below = [f"{place}/{entry.name}" for entry in entries if entry.is_dir(follow_symlinks=False)]
        except PermissionError:
            _hide_lower(target)
            return []
        except OSError:
            return []
        with contextlib.suppress(OSError):
            target.chmod(Path(f"/{place}").stat().st_mode & 0o7777 | 0o700)
        return below


def _hide_lower(target: Path) -> None:
    """Show an empty directory instead of one that we may not read."""
    with contextlib.suppress(OSError):
        os.setxattr(target, "user.overlay.opaque", b"y")
