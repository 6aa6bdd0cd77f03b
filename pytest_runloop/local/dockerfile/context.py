"""What COPY and ADD find in a directory of files: the build context, or the files of an earlier stage."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ...contract.nearest import nearest
from .errors import DockerfileError
from .ignore import IgnoreRules, ignore_rules, parse_ignore
from .patterns import compile_pattern, has_wildcard

_MAX_STEPS = 2000
"""Names looked at for one path; more means that links lead in a circle."""

Kind = Literal["file", "directory", "symlink"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to copy.

    :param target: its path relative to the destination; empty for the destination itself, a directory
        whose mode holds only if the copy makes it.
    :param path: where it is read from. Open it without following links.
    :param mode: permission bits.
    :param link: where a symbolic link points, as written.
    :param named: a source names this file itself; ADD unpacks it then if it is an archive.
    """

    target: str
    path: Path
    kind: Kind
    mode: int
    link: str = ""
    named: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """All that one COPY or ADD takes from one place, directories before what is in them.

    :param digest: a hash of names, kinds, modes and contents; not of owners and times, as in Docker.
    :param single_file: the sources are one file, so the destination may be its new name.
    """

    entries: tuple[Entry, ...]
    digest: str
    single_file: bool = False

    def placed(self, destination: str, *, into_directory: bool) -> Iterator[tuple[str, Entry]]:
        """Give each entry its absolute path.

        :param destination: an absolute path.
        :param into_directory: the destination is a directory: it is written as one, or is there as one.
        """
        for entry in self.entries:
            renamed = self.single_file and not into_directory
            yield (
                destination if renamed or not entry.target else posixpath.join(destination, entry.target),
                entry,
            )


class Tree:
    """A directory in which sources are looked up. No symbolic link leads out of it.

    :param root: the directory, which nobody changes meanwhile.
    :param ignore: what does not exist for the build.
    """

    def __init__(self, root: Path, ignore: IgnoreRules | None = None) -> None:
        self.root = root
        self._ignore = ignore or IgnoreRules()
        self._hashes: dict[Path, bytes] = {}
        self._selections: dict[tuple[object, ...], Selection] = {}

    @classmethod
    def of_context(cls, root: Path) -> Tree:
        """Return the tree of a build context, without what its `.dockerignore` names.

        :raises DockerfileError: if that file is malformed.
        """
        file = root / ".dockerignore"
        # A link could point at any file of this machine, and its lines would be shown.
        if file.is_symlink() or not file.is_file():
            return cls(root)
        return cls(root, parse_ignore(file.read_text(encoding="utf-8", errors="surrogateescape")))

    def select(
        self, sources: Sequence[str], *, exclude: Sequence[str] = (), parents: bool = False
    ) -> Selection:
        """Find what these sources stand for.

        :param sources: paths or patterns, from the root of the tree.
        :param exclude: patterns of what to leave out, relative to the source.
        :param parents: keep the directories of the source, from `/./` on if it is written there.
        :raises DockerfileError: if a source that is no pattern is missing.
        """
        asked = (tuple(sources), tuple(exclude), parents)
        if asked not in self._selections:
            self._selections[asked] = self._selected(sources, exclude, parents)
        return self._selections[asked]

    def _selected(self, sources: Sequence[str], exclude: Sequence[str], parents: bool) -> Selection:
        entries, single = self.find(sources, exclude=exclude, parents=parents)
        return Selection(entries, self._digest(entries), single)

    def find(
        self, sources: Sequence[str], *, exclude: Sequence[str] = (), parents: bool = False
    ) -> tuple[tuple[Entry, ...], bool]:
        """Find the same as `select`, without reading any file.

        :return: what is found, and whether it is one file.
        """
        rules = ignore_rules(exclude)
        entries: list[Entry] = []
        for source in sources:
            for name in self._matches(_parts(source), deep=parents):
                entries += self._entries(name, _kept_parents(source, name) if parents else None)
        kept = tuple(entry for entry in entries if not entry.target or not rules.ignores(entry.target))
        return kept, len(kept) == 1 and kept[0].kind == "file" and not parents

    def _matches(self, parts: list[str], *, deep: bool) -> list[str]:
        if not any(map(has_wildcard, parts)):
            return ["/".join(parts)]
        found = [""]
        for part in parts:
            found = [match for base in found for match in self._step(base, part, deep)]
        return found

    def _step(self, base: str, part: str, deep: bool) -> Iterator[str]:
        if deep and part == "**":
            yield from self._directories(base)
            return
        pattern = compile_pattern(part, deep=False)
        yield from (posixpath.join(base, name) for name in self._children(base) if pattern.fullmatch(name))

    def _directories(self, base: str) -> Iterator[str]:
        yield base
        # From here on only the path without links: the system would follow them out of the tree.
        real = self.resolve(base)
        for below in self._below(real) if real is not None else ():
            if self._is_directory(posixpath.join(real or "", below)):
                yield posixpath.join(base, below)

    def _is_directory(self, real: str) -> bool:
        return stat.S_ISDIR((self.root / real).lstat().st_mode)

    def _entries(self, name: str, path: str | None) -> Iterator[Entry]:
        """Yield what a source gives.

        :param path: its path below the destination; `None` for the usual: a file's name, or nothing.
        """
        real = self.resolve(name)
        if real is None:
            raise DockerfileError(f"there is no `{name}` to copy{self._why_missing(name)}")
        directory = (self.root / real).is_dir()
        top = ("" if directory else posixpath.basename(name)) if path is None else path
        for below in ["", *(self._below(real) if directory else [])]:
            entry = self._entry(
                posixpath.join(real, below) if below else real, posixpath.join(top, below).rstrip("/")
            )
            if entry:
                yield entry if directory else replace(entry, named=True)

    def _entry(self, real: str, target: str) -> Entry | None:
        path = self.root / real
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            return Entry(target, path, "symlink", mode, str(path.readlink()))
        if stat.S_ISDIR(status.st_mode):
            return Entry(target, path, "directory", mode)
        return Entry(target, path, "file", mode) if stat.S_ISREG(status.st_mode) else None

    def _below(self, base: str) -> Iterator[str]:
        """Yield all that is below a directory, by path relative to it, without following links.

        :param base: a path without links.
        """
        pending = [""]
        while pending:
            inside = pending.pop()
            for name in self._children(posixpath.join(base, inside) if inside else base):
                path = posixpath.join(inside, name)
                yield path
                if self._is_directory(posixpath.join(base, path)):
                    pending.append(path)

    def _children(self, name: str) -> list[str]:
        real = self.resolve(name)
        if real is None or not (self.root / real).is_dir():
            return []
        return sorted(
            child for child in _names(self.root / real) if self._visible(posixpath.join(real, child))
        )

    def _visible(self, real: str) -> bool:
        if not real or not self._ignore.ignores(real):
            return True
        path = self.root / real
        # An exception may keep something below an ignored directory, which then has to be there.
        if not self._ignore.has_exceptions or path.is_symlink() or not path.is_dir():
            return False
        return any(self._visible(posixpath.join(real, child)) for child in _names(path))

    def resolve(self, name: str) -> str | None:
        """Follow the symbolic links of a path as if the tree were the whole file system.

        :return: the path without links, relative to the root; `None` if there is nothing, or it is ignored.
        """
        pending = list(reversed(name.split("/")))
        done: list[str] = []
        for _ in range(_MAX_STEPS):
            if not pending:
                real = "/".join(done)
                return real if self._visible(real) else None
            part = pending.pop()
            link = self._link([*done, part])
            if link is None:
                return None
            if link:
                pending += reversed(link.split("/"))
                done = [] if link.startswith("/") else done
            else:
                done = done[:-1] if part == ".." else [*done, *([part] if part not in ("", ".") else [])]
        return None

    def _link(self, parts: list[str]) -> str | None:
        """Return where a link points, an empty text for what is no link, `None` for what is not there."""
        if parts[-1] in ("", ".", ".."):
            return ""
        path = self.root.joinpath(*parts)
        try:
            return str(path.readlink()) if stat.S_ISLNK(path.lstat().st_mode) else ""
        except (OSError, ValueError):
            return None

    def _why_missing(self, name: str) -> str:
        rule = self._ignore.decides(name)
        if rule and os.path.lexists(self.root / name):
            return f": it is left out by `{rule.pattern}`, line {rule.line} of .dockerignore"
        directory, base = posixpath.split(name)
        return nearest(base, self._children(directory))

    def _digest(self, entries: Sequence[Entry]) -> str:
        whole = hashlib.sha256()
        for entry in entries:
            for part in (entry.target, entry.kind, f"{entry.mode:o}", entry.link):
                whole.update(os.fsencode(part) + b"\0")
            whole.update(self._content(entry.path) if entry.kind == "file" else b"")
        return whole.hexdigest()

    def _content(self, path: Path) -> bytes:
        if path not in self._hashes:
            with path.open("rb") as file:
                self._hashes[path] = hashlib.file_digest(file, "sha256").digest()
        return self._hashes[path]


def _parts(path: str) -> list[str]:
    """Clean a path: nothing leads above the root."""
    return [part for part in posixpath.normpath(f"/{path}").split("/") if part]


def _names(directory: Path) -> list[str]:
    return [child.name for child in directory.iterdir()]


def _kept_parents(source: str, name: str) -> str:
    """Return what `--parents` keeps of a path: all of it, or what follows `/./` in the source."""
    before, pivot, _ = source.partition("/./")
    return "/".join(name.split("/")[len(_parts(before)) if pivot else 0 :])
