"""Opens files for a box that has no root of its own, and sees to it that none of them lies elsewhere.

A path is followed first, symbolic links and all, and what it led to is asked where it lies: then it
cannot be changed behind our back. Standard library only, and light: every box shares this memory.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Sequence

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_MOST_LINKS = 40  # as the kernel

Refusal = Callable[[str], Exception]


class Reach:
    """Where files may be opened.

    :param own: directories to read and write, with all beneath; none of the paths holds a symbolic link.
    :param system: files and directories to read only, with all beneath; likewise.
    :param refusal: makes the error for a path that leads elsewhere.
    """

    def __init__(self, own: Sequence[str], system: Sequence[str], refusal: Refusal) -> None:
        self._own = own
        self._readable = [*own, *system]
        self._refusal = refusal

    def open(self, path: str, flags: int, mode: int, parents: bool) -> int:
        """Open an absolute path and return its descriptor.

        :param parents: make missing parent directories first.
        :raises OSError: as `open` gives it.
        """
        try:
            return self._open(path, flags, mode, parents)
        except (FileNotFoundError, NotADirectoryError):
            self._require(path, flags)
            raise

    def _open(self, path: str, flags: int, mode: int, parents: bool) -> int:
        if parents:
            os.close(self._make(os.path.dirname(path)))
        for _ in range(_MOST_LINKS):
            try:
                return self._open_existing(path, flags)
            except FileNotFoundError:
                if not flags & os.O_CREAT:
                    raise
            created = self._create(path, flags, mode)
            if isinstance(created, int):
                return created
            path = created
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)

    def _open_existing(self, path: str, flags: int) -> int:
        link = os.O_NOFOLLOW if flags & (os.O_NOFOLLOW | os.O_EXCL) else 0
        found = self._find(path, link)
        try:
            self._check(found, path, flags)
            if flags & os.O_CREAT and flags & os.O_EXCL:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
            if stat.S_ISLNK(os.fstat(found).st_mode):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            return _reopen(found, path, flags & ~(os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW))
        finally:
            os.close(found)

    def _create(self, path: str, flags: int, mode: int) -> int | str:
        """Make a file, or return where the dangling link leads that is there instead."""
        directory, name = os.path.split(path)
        parent = self._find(directory or "/", os.O_DIRECTORY)
        try:
            self._check(parent, path, flags)
            try:
                return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY, mode, dir_fd=parent)
            except OSError as error:
                if error.errno != errno.ELOOP or flags & os.O_NOFOLLOW:
                    raise type(error)(error.errno, error.strerror, path) from None
            return os.path.join(_place(parent), os.readlink(name, dir_fd=parent))
        finally:
            os.close(parent)

    def _make(self, directory: str) -> int:
        """Return a handle of a directory, which is made with those above it where they are missing."""
        try:
            return self._find(directory, os.O_DIRECTORY)
        except FileNotFoundError:
            if os.path.lexists(directory):  # A dangling link: nothing to make here.
                raise
        parent = self._make(os.path.dirname(directory))
        try:
            self._check(parent, directory, os.O_CREAT)
            with contextlib.suppress(FileExistsError):  # Somebody was faster.
                os.mkdir(os.path.basename(directory), dir_fd=parent)
        finally:
            os.close(parent)
        return self._find(directory, os.O_DIRECTORY)

    def _find(self, path: str, flags: int) -> int:
        return os.open(path, os.O_PATH | os.O_CLOEXEC | flags)

    def _require(self, path: str, flags: int) -> None:
        """Refuse a path that would lie elsewhere, so that nobody learns what is missing there."""
        above = os.path.dirname(path)
        while True:
            try:
                handle = self._find(above, 0)
                break
            except OSError:
                above = os.path.dirname(above)
        try:
            self._check(handle, path, flags)
        finally:
            os.close(handle)

    def _check(self, handle: int, path: str, flags: int) -> None:
        allowed = self._own if flags & _WRITING else self._readable
        if not is_beneath(_place(handle), allowed):
            raise self._refusal(path)


def is_beneath(path: str, places: Sequence[str]) -> bool:
    """Tell whether a path without symbolic links is one of these places or lies beneath one."""
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in places)


def _place(handle: int) -> str:
    return os.readlink(f"/proc/self/fd/{handle}")


def _reopen(handle: int, path: str, flags: int) -> int:
    try:
        return os.open(f"/proc/self/fd/{handle}", flags | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, path) from None
