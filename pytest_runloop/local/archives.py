"""Archives, read so that nothing in them leads out of the directory that they are unpacked in."""

from __future__ import annotations

import lzma
import os
import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_UNREADABLE = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError)
_COPY_BYTES = 256 * 1024


class ArchiveError(ValueError):
    """An archive that is not unpacked: it is broken, none at all, or something in it leads out."""


def is_archive(file: IO[bytes]) -> bool:
    """Tell whether this is a tar file, plain or compressed. Reading begins anew after it."""
    try:
        with tarfile.open(fileobj=file) as archive:
            return archive.next() is not None
    except (*_UNREADABLE, OSError):
        return False
    finally:
        file.seek(0)


def check(file: IO[bytes]) -> None:
    """Look through an archive that something else will unpack. Reading begins anew after it.

    :raises ArchiveError: if it is broken, or something in it leads out.
    """
    with _opened(file) as archive:
        for _ in _members(archive):
            pass
    file.seek(0)


def unpack(file: IO[bytes], into: Path) -> None:
    """Unpack an archive into an empty directory: files, directories and links, all owned by this process.

    Symbolic links may point anywhere. Nothing is written through one, and whoever reads must not follow one.

    :raises ArchiveError: if it is broken, or something in it leads out.
    """
    directories, made = [], set[Path]()
    with _opened(file) as archive:
        for name, member in _members(archive):
            target = into / name
            try:
                _make_directory(target if member.isdir() else target.parent, made)
            except (FileExistsError, NotADirectoryError):
                raise ArchiveError(f"`{member.name}` in it lies below a file") from None
            if member.isdir():
                directories.append((target, member))
            else:
                _write(archive, member, target, into)
    # Deepest first: a directory may be read-only, and writing into it changes its time.
    for target, member in sorted(directories, key=lambda one: len(one[0].parts), reverse=True):
        target.chmod(member.mode & 0o7777 | 0o700)
        os.utime(target, (member.mtime, member.mtime))


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=file) as archive:
            yield archive
    except ArchiveError:
        raise
    except (*_UNREADABLE, OSError) as error:
        # What the disk says is no fault of the archive's.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ArchiveError(f"it cannot be read as an archive: {error}") from error


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Yield all that is to be unpacked, by clean names."""
    links: set[str] = set()
    for member in archive:
        name = _inside(member.name, member.name)
        if name == "." or not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
            continue
        for place in (name, _inside(member.linkname, member.name)) if member.islnk() else (name,):
            _refuse_through_links(place, member, links)
        links.discard(name)
        if member.issym():
            links.add(name)
        yield name, member


def _inside(path: str, member: str) -> str:
    clean = posixpath.normpath(path)
    if clean.startswith("/") or clean == ".." or clean.startswith("../") or "\0" in path:
        raise ArchiveError(f"`{member}` in it leads out of its directory, to `{path}`")
    return clean


def _refuse_through_links(name: str, member: tarfile.TarInfo, links: set[str]) -> None:
    parts = name.split("/")
    # A file may take the place of a link; whatever else has its name would go through it.
    whole = len(parts) if member.isfile() or member.issym() else len(parts) + 1
    for depth in range(1, whole):
        if (above := "/".join(parts[:depth])) in links:
            raise ArchiveError(f"`{member.name}` in it lies behind the link `{above}`")


def _make_directory(directory: Path, made: set[Path]) -> None:
    if directory not in made:
        directory.mkdir(parents=True, exist_ok=True)
        made.add(directory)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, into: Path) -> None:
    try:
        _make(archive, member, target, into)
    except FileExistsError:
        if target.is_dir() and not target.is_symlink():
            raise ArchiveError(f"`{member.name}` in it is a directory and a file") from None
        target.unlink()
        _make(archive, member, target, into)


def _make(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, into: Path) -> None:
    if member.issym():
        target.symlink_to(member.linkname)
    elif member.islnk():
        target.hardlink_to(into / posixpath.normpath(member.linkname))
    else:
        _copy(archive.extractfile(member), member, target)


def _copy(content: IO[bytes] | None, member: tarfile.TarInfo, target: Path) -> None:
    assert content is not None, "a regular file has content"
    with content, target.open("xb", buffering=0) as file:
        shutil.copyfileobj(content, file, _COPY_BYTES)
        # Readable for this process, whoever it is.
        os.fchmod(file.fileno(), member.mode & 0o7777 | 0o400)
        os.utime(file.fileno(), (member.mtime, member.mtime))
