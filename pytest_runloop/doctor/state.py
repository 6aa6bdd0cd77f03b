"""Where state lies, how much of it there is, and whether the place serves."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..local.engine import sessions, trees
from ..local.store import StoreError, count_documents
from ..session.state import VARIABLE, state_path
from .machine import user_name
from .report import Problem, State

_COUNTING_SECONDS = 10.0
_LITTLE = 512 * 1024 * 1024
_ELSEWHERE = f"set {VARIABLE} to a directory of yours on a disk of this machine"
_REMOTE = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "ceph", "afs", "lustre")
_STACKED = ("overlay", "aufs")
_OCTAL = re.compile(r"\\([0-7]{3})")
"""A blank or the like in a name, as `/proc/self/mountinfo` writes it."""


def examine_state(given: Path | None) -> tuple[State, list[Problem]]:
    """Look at the state directory, which is made if it is not there.

    :param given: where it is; `None` takes the place that a run takes.
    """
    try:
        path = (given or state_path()).absolute()
    except RuntimeError as error:
        return State("unknown"), [Problem(f"there is no place for state: {error}", _ELSEWHERE, fatal=True)]
    state = State(str(path), exists=_exists(path))
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
    except OSError as error:
        return state, [Problem(f"{path} cannot be used: {error.strerror}", _ELSEWHERE, fatal=True)]
    return _examined(state, path, status), [*_problems(path, status), *_problems_of_disk(path)]


def _examined(state: State, path: Path, status: os.stat_result) -> State:
    size, complete = _size(path)
    space = os.statvfs(path)
    counts = _counts(path / "backend.sqlite3")
    dead = [_is_dead(directory) for directory in _directories(path / "sessions")]
    return replace(
        state,
        mode=f"{stat.S_IMODE(status.st_mode):04o}",
        owner=user_name(status.st_uid),
        file_system=_file_system(path)[0],
        size=size,
        size_complete=complete,
        free=space.f_bavail * space.f_frsize,
        snapshots=counts.get("snapshot", 0) if counts is not None else None,
        blueprints=counts.get("blueprint", 0) if counts is not None else None,
        objects=counts.get("object", 0) if counts is not None else None,
        axons=len(list((path / "axons").glob("*.sqlite3"))),
        layers=len(_directories(path / "layers")),
        living_sessions=dead.count(False),
        dead_sessions=dead.count(True),
    )


def _size(path: Path) -> tuple[int, bool]:
    end = time.monotonic() + _COUNTING_SECONDS
    total = 0
    for size in trees.sizes(str(path)):
        total += size
        if time.monotonic() > end:
            return total, False
    return total, True


def _counts(store: Path) -> dict[str, int] | None:
    if not _exists(store):
        return {}
    try:
        return count_documents(store)
    except StoreError:
        return None


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _is_dead(session: Path) -> bool:
    try:
        return sessions.is_dead(session)
    except OSError:
        return False


def _directories(path: Path) -> list[Path]:
    try:
        return [entry for entry in path.iterdir() if entry.is_dir()]
    except OSError:
        return []


def _problems(path: Path, status: os.stat_result) -> Iterator[Problem]:
    if status.st_uid != os.geteuid():
        yield Problem(f"{path} belongs to {user_name(status.st_uid)}", _ELSEWHERE, fatal=True)
    elif not _is_writable(path):
        yield Problem(f"{path} cannot be written to", _ELSEWHERE, fatal=True)
    if stat.S_IMODE(status.st_mode) & 0o077:
        yield Problem(f"others may look into {path}", f"run `chmod 700 {path}`, as each start does")


def _is_writable(path: Path) -> bool:
    """Tell by trying: a file system may be read-only, or full."""
    probe = path / f".writable-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def _problems_of_disk(path: Path) -> Iterator[Problem]:
    kind, options = _file_system(path)
    if kind.startswith(_REMOTE):
        yield Problem(f"{path} lies on {kind}, over a network: slow, and without safe locks", _ELSEWHERE)
    if kind in _STACKED:
        memory = "devboxes of the namespace tier lie in memory then"
        yield Problem(f"{path} lies on {kind}, as the disk of a container: {memory}", _ELSEWHERE)
    if "noexec" in options:
        yield Problem(f"{path} is mounted noexec: no program in a devbox's home runs", _ELSEWHERE, fatal=True)
    space = os.statvfs(path)
    if (free := space.f_bavail * space.f_frsize) < _LITTLE:
        yield Problem(f"only {free // 1024**2} MiB are free below {path}", "make room, or move it")
    if space.f_files and space.f_favail < 10_000:
        yield Problem(f"only {space.f_favail} more files fit below {path}", "remove files, or move it")


def _file_system(path: Path) -> tuple[str, list[str]]:
    """Return the kind of the file system that holds a path, and how it is mounted."""
    best, found = "", ("unknown", list[str]())
    with contextlib.suppress(OSError):
        resolved = path.resolve()
        for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
            place, kind, options = _mount(line)
            if len(place) >= len(best) and resolved.is_relative_to(place):
                best, found = place, (kind, options)
    return found


def _mount(line: str) -> tuple[str, str, list[str]]:
    before, _, after = line.partition(" - ")
    fields = before.split()
    place = _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4])
    return place, after.split()[0], fields[5].split(",")
