"""Directories as one compressed tar file, and back without letting anything out of its directory."""

from __future__ import annotations

import errno
import os
import posixpath
import shlex
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final

from .errors import RunloopError, combined, hide_from_traceback

__tracebackhide__ = hide_from_traceback

_LEVEL: Final = 1
"""Of compression: the fastest. Most directories cross the loopback interface, or a fast network."""


TarFilter = Callable[[tarfile.TarInfo], tarfile.TarInfo | None]


class ArchiveError(RunloopError, ValueError):
    """An archive that is not unpacked, because something in it would leave its directory."""


def pack(directory: Path, into: Path, ignore: TarFilter | None = None) -> None:
    """Write a directory's content as a compressed tar file.

    :param directory: what to pack: files, directories and links; sockets, pipes and devices are left out.
    :param into: the file to write.
    :param ignore: gets each member, named relative to the directory, and returns it or `None`.
    :raises NotADirectoryError: if it is none.
    """
    if not directory.is_dir():
        kind, number = (
            (NotADirectoryError, errno.ENOTDIR) if directory.exists() else (FileNotFoundError, errno.ENOENT)
        )
        raise kind(number, os.strerror(number), str(directory))
    with tarfile.open(into, "w:gz", compresslevel=_LEVEL) as archive:
        archive.add(directory, arcname=".", filter=lambda member: _packed(member, ignore))


def _packed(member: tarfile.TarInfo, ignore: TarFilter | None) -> tarfile.TarInfo | None:
    if not _is_kept(member):
        return None
    member.name = member.name.removeprefix("./")
    return _anonymous(member if ignore is None else ignore(member))


def _anonymous(member: tarfile.TarInfo | None) -> tarfile.TarInfo | None:
    if member is None:
        return None
    # A fraction of a second would need a header of its own, which doubles the time that unpacking takes.
    member.mtime = int(member.mtime)
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _is_kept(member: tarfile.TarInfo) -> bool:
    return member.isfile() or member.isdir() or member.issym() or member.islnk()


def unpack(file: Path, into: Path) -> None:
    """Write the content of a compressed tar file to a directory, which is made if need be.

    :raises ArchiveError: if a member's path, or a link's target, is outside of the directory, or if a
        member lies behind a symbolic link. It is not written; what came before it is.
    """
    into.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "r:gz") as archive:
        directories = []
        for member, target in _members(archive, into):
            _write(archive, member, target, into)
            if member.isdir():
                directories.append((target, member))
        # Last and deepest first: a directory may be read-only, and writing into it changes its time.
        for target, member in reversed(directories):
            target.chmod(member.mode & 0o777 | 0o700)
            os.utime(target, (member.mtime, member.mtime))


def _members(archive: tarfile.TarFile, into: Path) -> Iterator[tuple[tarfile.TarInfo, Path]]:
    for member in archive:
        parts = _inside(member.name, member.name).parts
        if not parts or not _is_kept(member):
            continue
        target = into.joinpath(*parts)
        for ancestor in list(target.parents)[: len(parts) - 1]:
            if ancestor.is_symlink():
                raise ArchiveError(f"{member.name!r} in the archive lies behind the link {str(ancestor)!r}")
        yield member, target


def _inside(path: str, member: str) -> PurePosixPath:
    normal = posixpath.normpath(path)
    if posixpath.isabs(path) or normal == ".." or normal.startswith("../") or "\0" in path:
        raise ArchiveError(f"{member!r} in the archive leads out of its directory, to {path!r}")
    return PurePosixPath(normal)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, into: Path) -> None:
    if member.isdir():
        if target.is_symlink() or not target.is_dir():
            target.unlink(missing_ok=True)
            target.mkdir(parents=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        raise ArchiveError(f"{member.name!r} in the archive is a file, and {str(target)!r} is a directory")
    # Never written through: what stands there may be a link.
    target.unlink(missing_ok=True)
    if member.issym():
        _inside(posixpath.join(posixpath.dirname(member.name), member.linkname), member.name)
        if posixpath.isabs(member.linkname):
            raise ArchiveError(
                f"{member.name!r} in the archive is a link to {member.linkname!r}, outside of it"
            )
        target.symlink_to(member.linkname)
    elif member.islnk():
        _link(member, target, into)
    else:
        _copy(archive.extractfile(member), member, target)


def _link(member: tarfile.TarInfo, target: Path, into: Path) -> None:
    source = into.joinpath(*_inside(member.linkname, member.name).parts)
    for place in (source, *list(source.parents)[: len(source.relative_to(into).parts) - 1]):
        if place.is_symlink():
            raise ArchiveError(f"{member.name!r} in the archive is a link behind the link {str(place)!r}")
    target.hardlink_to(source)


def _copy(content: IO[bytes] | None, member: tarfile.TarInfo, target: Path) -> None:
    assert content is not None  # A regular file has content.
    with content, target.open("xb") as file:
        shutil.copyfileobj(content, file, 256 * 1024)
        os.fchmod(file.fileno(), member.mode & 0o777)
    os.utime(target, (member.mtime, member.mtime))


_MISSING: Final = 3
_NO_DIRECTORY: Final = 4
"""Exit statuses that tar does not use."""


def packing_command(directory: str, archive: str) -> str:
    """Return the shell command that packs a directory of a devbox."""
    place = _quoted(directory)
    return (
        f"[ -e {place} ] || exit {_MISSING}; [ -d {place} ] || exit {_NO_DIRECTORY}; "
        f"tar -czf {_quoted(archive)} -C {place} ."
    )


def unpacking_command(archive: str, directory: str) -> str:
    """Return the shell command that unpacks an archive in a devbox and removes it."""
    place, file = _quoted(directory), _quoted(archive)
    return (
        f"mkdir -p -- {place} && tar -xzf {file} --no-same-owner -C {place}; "
        f"status=$?; rm -f -- {file}; exit $status"
    )


def removing_command(archive: str) -> str:
    """Return the shell command that removes an archive in a devbox."""
    return f"rm -f -- {_quoted(archive)}"


def packing_error(exit_code: int | None, directory: str, devbox_id: str) -> RunloopError | None:
    """Return the exception for an exit status of the packing command, if it is one of its own."""
    kinds: dict[int | None, tuple[type[OSError], int]] = {
        _MISSING: (FileNotFoundError, errno.ENOENT),
        _NO_DIRECTORY: (NotADirectoryError, errno.ENOTDIR),
    }
    if exit_code not in kinds:
        return None
    builtin, number = kinds[exit_code]
    return combined(RunloopError, builtin)(f"{os.strerror(number)} in devbox {devbox_id}: {directory!r}")


def _quoted(path: str) -> str:
    if path == "~":
        return '"$HOME"'
    if path.startswith("~/"):
        return '"$HOME"/' + shlex.quote(path[2:] or ".")
    return shlex.quote(path if not path.startswith("-") else f"./{path}")
