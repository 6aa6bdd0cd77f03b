"""Files that are written beside what they will replace, so that nobody ever sees half of one.

Imported by the zygote, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat

from pytest_runloop.local.engine.isolation import World

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK
_MANY_TRIES = 100
_NAME_MAX = 200  # bytes of the name that is kept; the file system takes 255


class Drafts:
    """The drafts of one box.

    :param world: that they lie in.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = itertools.count(1)
        self._open: dict[int, tuple[str, str]] = {}

    def begin(self, path: str, mode: int) -> tuple[int | None, int]:
        """Open a draft, making missing directories.

        What cannot be replaced is opened itself and emptied: devices and pipes, files with further links,
        files in a directory that takes no new ones.

        :param path: as `World.locate` takes it.
        :param mode: of a file that is new.
        :return: the draft's number, `None` if it is the file itself; and its descriptor.
        :raises OSError, OutOfReachError: as `World.open`.
        """
        target = self._world.act(lambda: os.path.realpath(self._world.locate(path)))
        before = self._world.act(lambda: _status(target))
        if path.endswith("/") or (before is not None and not _is_replaceable(before)):
            return None, self._world.open(path, _WRITE | os.O_TRUNC, mode, True)
        try:
            draft, descriptor = self._new(target, mode)
        except PermissionError:
            return None, self._world.open(path, _WRITE | os.O_TRUNC, mode, True)
        if before is not None:
            _make_alike(descriptor, before)
        number = next(self._numbers)
        self._open[number] = (draft, target)
        return number, descriptor

    def keep(self, number: int) -> None:
        """Put a draft in its place.

        :raises OSError: if that is refused, or the draft is not there any more.
        """
        if number not in self._open:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        draft, target = self._open.pop(number)
        try:
            self._world.act(lambda: os.rename(draft, target))
        except OSError:
            self._remove(draft)
            raise

    def drop(self, number: int) -> None:
        """Remove a draft. No error if it is not there any more."""
        if number in self._open:
            self._remove(self._open.pop(number)[0])

    def _new(self, target: str, mode: int) -> tuple[str, int]:
        directory, name = os.path.split(target)
        short = os.fsdecode(os.fsencode(name)[:_NAME_MAX])
        for number in range(_MANY_TRIES):
            draft = f"{directory}/.{short}.{os.getpid()}-{number}.part"
            with contextlib.suppress(FileExistsError):
                return draft, self._world.open(draft, _WRITE | os.O_EXCL, mode, True)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)

    def _remove(self, draft: str) -> None:
        with contextlib.suppress(OSError):
            self._world.act(lambda: os.unlink(draft))


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _is_replaceable(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and _may_write(status)


def _may_write(status: os.stat_result) -> bool:
    """Tell whether a file has a right to be written at all. What it has not, a draft must not go round."""
    return bool(status.st_mode & 0o222) or os.geteuid() == 0


def _make_alike(descriptor: int, before: os.stat_result) -> None:
    with contextlib.suppress(OSError):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
