"""Unpacks the file system of an image: a whole root, from a tar archive that nobody vouches for.

A helper of the zygote does it, with the rights that boxes have, and imports what it needs by itself.

What a box is given by its own set-up is left out: `/dev`, `/proc`, `/sys`, and the files that container
engines put over an image's own. Devices are left out everywhere: no box may open them, and one of
them would hide what lies below. Of extended attributes those of users stay, but none that speaks to
overlays. Where there is only one id, all is its own, and setuid and setgid bits of files go: nobody else
could use them.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat

TYPE_CHECKING = False  # `typing` and `tarfile` would weigh on every box.
if TYPE_CHECKING:
    import tarfile
    from typing import IO

_OURS = ("dev", "proc", "sys")
_ENGINES = (
    *(".dockerenv", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"),
    *("run/.containerenv", "run/secrets"),
)
_XATTR = "SCHILY.xattr."
_SLICE = 1 << 20  # bytes


class _RefusedError(Exception):
    """The archive holds what no file system of an image holds."""


def unpack_root(target: str, archive: int) -> str:
    """Unpack an archive of a whole root.

    :param target: the directory to make.
    :param archive: a descriptor to read it from, to its end.
    :return: why it is refused, or an empty text.
    :raises OSError: as writing gives it.
    """
    import tarfile

    os.umask(0)
    os.mkdir(target, 0o755)
    unpacker = _Unpacker(target, one_id=_one_id())
    try:
        with open(archive, "rb", closefd=False) as stream, tarfile.open(fileobj=stream, mode="r|") as members:
            while (member := members.next()) is not None:
                members.members.clear()  # type: ignore[attr-defined]  # It remembers all of them otherwise.
                unpacker.take(members, member)
    except (_RefusedError, tarfile.TarError) as error:
        return str(error)
    finally:
        _drain(archive)
    unpacker.finish()
    return ""


def _drain(archive: int) -> None:
    """Read what is left: a writer that finds nobody at the end of its pipe would take that for a failure."""
    while os.read(archive, _SLICE):
        pass


def _one_id() -> bool:
    with open("/proc/self/uid_map", encoding="ascii") as ranges:
        return sum(int(line.split()[2]) for line in ranges) == 1


class _Unpacker:
    """Writes members below a directory where nobody else writes.

    :param root: the directory.
    :param one_id: there is no id but ours to give files to.
    """

    def __init__(self, root: str, one_id: bool) -> None:
        self._root = root
        self._one_id = one_id
        self._directories: dict[str, tarfile.TarInfo | None] = {"": None}

    def take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Write a member, unless it is left out."""
        name = _inside(member.name, member.name)
        if _is_given(name) or member.ischr() or member.isblk():
            return
        if name in self._directories and not member.isdir():
            raise _RefusedError(f"`{member.name}` is there twice, as a directory and as something else")
        self._make_parents(name, member)
        if member.isdir():
            self._make_directory(name, member)
            return
        path = f"{self._root}/{name}"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # A later member wins, and nothing is written through an earlier link.
        self._write(archive, member, path)

    def finish(self) -> None:
        """Give directories their attributes, now that nothing more is written into them."""
        for name, member in sorted(self._directories.items(), reverse=True):
            if member is not None:
                self._describe(member, f"{self._root}/{name}")

    def _make_parents(self, name: str, member: tarfile.TarInfo) -> None:
        parent = posixpath.dirname(name)
        if parent in self._directories:
            return
        self._make_parents(parent, member)
        self._mkdir(parent, member)
        self._directories[parent] = None

    def _make_directory(self, name: str, member: tarfile.TarInfo) -> None:
        if name not in self._directories:
            self._mkdir(name, member)
        self._directories[name] = member

    def _mkdir(self, name: str, member: tarfile.TarInfo) -> None:
        try:
            os.mkdir(f"{self._root}/{name}", 0o755)
        except FileExistsError:
            raise _RefusedError(f"`{member.name}` lies behind `{name}`, which is no directory") from None

    def _write(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        if member.issym():
            os.symlink(member.linkname, path)
        elif member.islnk():
            self._link(member, path)
            return
        elif member.isfifo():
            os.mkfifo(path, 0o600)
        else:
            content = archive.extractfile(member)
            if content is None:
                raise _RefusedError(f"`{member.name}` is of a kind that no file has")
            _copy(content, path)
        self._describe(member, path)

    def _link(self, member: tarfile.TarInfo, path: str) -> None:
        first = _inside(member.linkname, member.name)
        if posixpath.dirname(first) not in self._directories or first in self._directories:
            raise _RefusedError(f"`{member.name}` is a hard link to `{member.linkname}`, which is no file")
        try:
            os.link(f"{self._root}/{first}", path, follow_symlinks=False)
        except FileNotFoundError:
            if not _is_given(first):
                what = f"`{member.name}` is a hard link to `{member.linkname}`, which is not there"
                raise _RefusedError(what) from None

    def _describe(self, member: tarfile.TarInfo, path: str) -> None:
        mode = stat.S_IMODE(member.mode)
        if not self._one_id:
            with contextlib.suppress(OSError):  # An id that is not ours to give.
                os.lchown(path, member.uid, member.gid)
        elif not member.isdir():
            mode &= ~(stat.S_ISUID | stat.S_ISGID)
        for name, value in member.pax_headers.items():
            if name.startswith(f"{_XATTR}user.") and not name.startswith(f"{_XATTR}user.overlay."):
                with contextlib.suppress(OSError):
                    os.setxattr(path, name.removeprefix(_XATTR), os.fsencode(value), follow_symlinks=False)
        if not member.issym():
            os.chmod(path, mode)  # After the owner, whose change takes setuid away.
        seconds = int(member.mtime * 1_000_000_000)
        os.utime(path, ns=(seconds, seconds), follow_symlinks=False)


def _is_given(name: str) -> bool:
    """Tell whether a box is given this by its own set-up."""
    return name.partition("/")[0] in _OURS or name in _ENGINES


def _copy(content: IO[bytes], path: str) -> None:
    with content, open(path, "xb") as file:
        while data := content.read(_SLICE):
            file.write(data)


def _inside(path: str, member: str) -> str:
    """Return a path from the root, without steps that lead nowhere."""
    if path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise _RefusedError(f"`{member}` leads out of the root, to `{path}`")
    normal = posixpath.normpath(path)
    return "" if normal == "." else normal
