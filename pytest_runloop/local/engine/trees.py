"""Work on trees of files: copy, measure and remove them, whatever is in them.

Helpers of the zygote do it, so nothing heavy is imported here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from typing import Any

_OPAQUE = "user.overlay.opaque"
_SLICE = 1 << 26  # bytes per copy_file_range
_PIECE = 1 << 20  # bytes per read and write
_NO_SHORT_CUT = (errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS)
"""What copy_file_range says between file systems of different kinds, and where it does not exist."""


def remove(paths: list[str]) -> bool:
    """Remove trees as far as the permissions go, also below directories without any mode.

    :return: whether anything is left, such as files of other owners.
    """
    for path in paths:
        _remove(path)
    return any(map(os.path.lexists, paths))


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except IsADirectoryError:
        with contextlib.suppress(OSError):
            _enter(path)
            _empty_working_directory()
            os.chdir("/")
            os.rmdir(path)
    except OSError:  # Another owner's, or gone.
        pass


def _enter(directory: str) -> None:
    if stat.S_IMODE(os.lstat(directory).st_mode) & 0o700 != 0o700:
        os.chmod(directory, 0o700)
    os.chdir(directory)


def _empty_working_directory() -> None:
    """Remove all below step by step: a path may be longer than the kernel takes, and than Python recurses."""
    names: list[str] = []
    levels = [os.listdir()]
    while levels:
        if levels[-1]:
            if _remove_or_enter(name := levels[-1].pop()):
                names.append(name)
                levels.append(os.listdir())
        else:
            levels.pop()
            if names:
                os.chdir("..")
                with contextlib.suppress(OSError):
                    os.rmdir(names.pop())


def _remove_or_enter(name: str) -> bool:
    """Remove an entry, or make it the working directory.

    :return: whether it is the working directory now.
    """
    try:
        os.unlink(name)
    except IsADirectoryError:
        with contextlib.suppress(OSError):
            _enter(name)
            return True
    except OSError:
        pass
    return False


def size(path: str) -> int:
    """Return the bytes on disk of a tree, as far as it can be read. A hard link counts once."""
    return sum(sizes(path))


def sizes(path: str) -> Iterator[int]:
    """Yield the bytes on disk of each file and directory below a path, as `size` counts them."""
    seen: set[tuple[int, int]] = set()
    for entry in _walk(path):
        with contextlib.suppress(OSError):
            status = entry.stat(follow_symlinks=False)
            if (status.st_dev, status.st_ino) not in seen:
                yield status.st_blocks * 512
            if status.st_nlink > 1:
                seen.add((status.st_dev, status.st_ino))


def _walk(path: str) -> Iterator[os.DirEntry[str]]:
    directories = [path]
    while directories:
        try:
            with os.scandir(directories.pop()) as entries:
                found = list(entries)
        except OSError:
            continue
        yield from found
        directories += [entry.path for entry in found if entry.is_dir(follow_symlinks=False)]


def copy(source: str, target: str) -> None:
    """Copy a tree with owners, modes, times, extended attributes, hard links and holes.

    :raises OSError: as reading or writing gives it.
    """
    _copy(source, target, {})


def _copy(source: str, target: str, links: dict[tuple[int, int], str]) -> None:
    status = os.lstat(source)
    if stat.S_ISSOCK(status.st_mode):  # It is nothing without its process.
        return
    if stat.S_ISDIR(status.st_mode):
        os.mkdir(target, 0o700)
        for name in os.listdir(source):
            _copy(f"{source}/{name}", f"{target}/{name}", links)
    elif (first := links.setdefault((status.st_dev, status.st_ino), target)) != target:
        os.link(first, target, follow_symlinks=False)
        return
    else:
        _copy_file(source, target, status)
    copy_attributes(source, target, status)


def _copy_file(source: str, target: str, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        _copy_data(source, target)
    elif stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), target)
    else:
        os.mknod(target, status.st_mode, status.st_rdev)


def _copy_data(source: str, target: str) -> None:
    with open(source, "rb", 0) as reader, open(target, "xb", 0) as writer:
        size = os.fstat(reader.fileno()).st_size
        position = 0
        while position < size:
            try:
                start = os.lseek(reader.fileno(), position, os.SEEK_DATA)
                end = os.lseek(reader.fileno(), start, os.SEEK_HOLE)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                break  # Only a hole is left.
            _copy_range(reader.fileno(), writer.fileno(), start, end)
            position = end
        os.ftruncate(writer.fileno(), size)


def _copy_range(reader: int, writer: int, start: int, end: int) -> None:
    while start < end:
        try:
            done = os.copy_file_range(reader, writer, min(end - start, _SLICE), start, start)
        except OSError as error:
            if error.errno not in _NO_SHORT_CUT:
                raise
            done = os.pwrite(writer, os.pread(reader, min(end - start, _PIECE), start), start)
        if not done:  # It was cut meanwhile.
            return
        start += done


def copy_attributes(source: str, target: str, status: os.stat_result) -> None:
    """Give a file the owner, mode, times and extended attributes of another, as far as permitted.

    :param status: of the source.
    """
    with contextlib.suppress(OSError):
        os.lchown(target, status.st_uid, status.st_gid)
    with contextlib.suppress(OSError):
        for name in os.listxattr(source, follow_symlinks=False):
            value = os.getxattr(source, name, follow_symlinks=False)
            with contextlib.suppress(OSError):
                os.setxattr(target, name, value, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(target, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def merge(layers: list[str], target: str) -> None:
    """Merge layers of overlays into one that stands for all of them. Files are linked, not copied.

    What hides something of a lower directory outside of these layers goes on hiding it.

    :param layers: nearest first. Each holds one directory for each overlay.
    :raises OSError: as reading or writing gives it.
    """
    os.mkdir(target, 0o700)
    for name, places in _union(layers).items():
        _merge(places, f"{target}/{name}")


def _union(directories: list[str]) -> dict[str, list[str]]:
    """Return for each name the places where it is, in the order of the directories."""
    places: dict[str, list[str]] = {}
    for directory in directories:
        for name in os.listdir(directory):
            places.setdefault(name, []).append(f"{directory}/{name}")
    return places


def _merge(directories: list[str], target: str) -> None:
    os.mkdir(target, 0o700)
    for name, places in _union(directories).items():
        below, opaque = _visible(places)
        if below:
            _merge(below, f"{target}/{name}")
            if opaque:
                os.setxattr(f"{target}/{name}", _OPAQUE, b"y")
        else:
            _link(places[0], f"{target}/{name}")
    copy_attributes(directories[0], target, os.lstat(directories[0]))


def _visible(places: list[str]) -> tuple[list[str], bool]:
    """Return the directories that merge into one, and whether they hide what lies further below."""
    found: list[str] = []
    for place in places:
        if not stat.S_ISDIR(os.lstat(place).st_mode):
            return found, True
        found.append(place)
        if _is_opaque(place):
            return found, True
    return found, False


def _is_opaque(directory: str) -> bool:
    try:
        return os.getxattr(directory, _OPAQUE) == b"y"
    except OSError:
        return False


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # Too many links, or a file system or a kernel that forbids this one.
        _copy(source, target, {})


TASKS: dict[str, Callable[..., Any]] = {"remove": remove, "copy": copy, "merge": merge, "size": size}
"""What the zygote's helpers can be asked for."""
