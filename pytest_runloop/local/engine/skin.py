"""Directories that let an ordinary user change what the system's owner owns.

Root of a user namespace with one id owns nothing of the host's: below `/usr` it could create nothing. A layer
of empty directories that it does own, right above the host's, makes the merged directories its own.

There may be tens of thousands of them, so an older skin is brought up to date rather than made anew.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path

_DEEPEST = 12
_MOST = 60_000
"""Directories. A machine with more of them keeps the deepest ones unchangeable."""
_USUAL_MODE = 0o755


class Skin:
    """Makes the skin of one directory after the other.

    :param directory: takes them, each by its name.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory)
        self._seen = 0

    def cover(self, name: str) -> None:
        """Make the skin of a directory of the host, breadth first.

        :param name: without the leading slash.
        """
        os.makedirs(f"{self._directory}/{name}", exist_ok=True)
        level = [name]
        for _ in range(_DEEPEST):
            level = [below for place in level for below in self._cover_one(place)]

    def copy_files(self, name: str) -> None:
        """Put copies of a directory's own files above them, and of those one level below in `triggers`.

        Package managers change their lists and lock files in place, which takes an owner. The many other
        files they replace.
        """
        for place in (name, f"{name}/triggers"):
            with contextlib.suppress(OSError), os.scandir(f"/{place}") as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        _copy_file(entry.path, f"{self._directory}/{place}/{entry.name}")

    def _cover_one(self, place: str) -> list[str]:
        """Bring what is directly below a directory up to date, and return the directories there."""
        self._seen += 1
        if self._seen > _MOST:
            return []
        target = f"{self._directory}/{place}"
        try:
            with os.scandir(f"/{place}") as entries:
                wanted = {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
        except OSError:
            _hide_lower(target)
            return []
        present = set(os.listdir(target))
        for name in present - wanted:
            _remove(f"{target}/{name}")
        for name in wanted - present:
            _make_directory(f"/{place}/{name}", f"{target}/{name}")
        return [f"{place}/{name}" for name in wanted]


def _make_directory(model: str, target: str) -> None:
    os.mkdir(target)
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(os.lstat(model).st_mode) | 0o700
        if mode != _USUAL_MODE:
            os.chmod(target, mode)


def _remove(path: str) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _copy_file(source: str, target: str) -> None:
    try:
        shutil.copyfile(source, target)
    except PermissionError:  # A lock: only its name matters.
        Path(target).touch()


def _hide_lower(target: str) -> None:
    """Show an empty directory instead of one that we may not read."""
    with contextlib.suppress(OSError):
        os.setxattr(target, "user.overlay.opaque", b"y")
