"""The files of a repository, as far as they are looked at. No link is followed."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .yaml import YamlError, parse

_LARGEST = 1024 * 1024
_DEEPEST = 6
_MOST = 20_000
"""Entries of the whole repository."""
_NOT_ITS_OWN = frozenset(
    {
        *(".git", "node_modules", "vendor", "target", "dist", "build", ".venv", "venv", "__pycache__"),
        *(".tox", ".nox", ".mypy_cache", "third_party", "bower_components", ".next", ".terraform"),
    }
)


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory: the names of the plain files in it.

    :param path: from the root of the repository, empty for the root.
    """

    root: Path
    path: str
    names: frozenset[str]
    _read: dict[str, str] = field(default_factory=dict, compare=False)

    def text(self, name: str) -> str:
        """Return a file's text; nothing if it is not there, too large or no text."""
        if name not in self.names:
            return ""
        if name not in self._read:
            self._read[name] = _text(self.root / self.path / name)
        return self._read[name]

    def json(self, name: str) -> Mapping[str, Any]:
        """Return what a JSON file says; nothing if it is not one."""
        try:
            found = json.loads(self.text(name) or "{}")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def toml(self, name: str) -> Mapping[str, Any]:
        """Return what a TOML file says; nothing if it is not one."""
        try:
            return tomllib.loads(self.text(name))
        except (ValueError, RecursionError):
            return {}

    def yaml(self, name: str) -> Mapping[str, Any]:
        """Return what a YAML file says; nothing if it is not one, or not read here."""
        try:
            found = parse(self.text(name))
        except (YamlError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def folders(root: Path) -> Iterator[Folder]:
    """Yield the directories of a repository, those above before those below, without what is not its own."""
    places, seen = [""], 0
    while places:
        path = places.pop(0)
        names = set()
        for entry in sorted(os.scandir(root / path), key=lambda one: one.name):
            seen += 1
            if entry.is_file(follow_symlinks=False):
                names.add(entry.name)
            elif entry.is_dir(follow_symlinks=False) and entry.name not in _NOT_ITS_OWN:
                below = f"{path}/{entry.name}".lstrip("/")
                if below.count("/") < _DEEPEST:
                    places.append(below)
        yield Folder(root, path, frozenset(names))
        if seen > _MOST:
            return


def _text(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError:
        return ""
    return "" if len(data) > _LARGEST else data.decode("utf-8", errors="replace")
