"""Control groups: where we may make some, what they can bound, and how they go again.

In version 2 there is one tree, and a group can bound what its parent hands on. A group that holds
processes cannot hand anything on, so the place for ours is the nearest group above this process that hands on
something and lets us in. In version 1 each kind of bound has a tree of its own, where ours go right below the
group of this process.

    PLACE/pytest-runloop-SESSION-OWNER/BOX

Groups outlive everybody. The engine removes them; else the zygote does, which outlives it; and in case both
were killed, a session notes its groups before it makes any (`Session.note_groups`). The state directory with
that note may be gone too, so the name says which process it belongs to (`owners.py`), and every engine looks
whether that lives.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_runloop.local.engine import owners
from pytest_runloop.local.engine.bounds import remove_groups
from pytest_runloop.local.engine.protocol import Limit, Limits

PREFIX = "pytest-runloop-"
_LAST_ONES = 2.0  # seconds that what was killed may take to be gone

_CONTROLLERS = {"memory": Limit.MEMORY, "cpu": Limit.CPU, "pids": Limit.PROCESSES}
_PERIOD = 100_000  # microseconds
_LEAST_QUOTA = 1000  # microseconds; the kernel takes no less
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Place:
    """A group that ours may be made in.

    :param directory: of the group.
    :param version: of control groups, 1 or 2.
    :param limits: what groups in it can bound.
    """

    directory: Path
    version: int
    limits: frozenset[Limit]


@dataclass(frozen=True, slots=True)
class _Mount:
    """A mounted tree of groups, or the part of one that is mounted.

    :param root: the path in the tree of what is mounted.
    """

    directory: Path
    root: str
    version: int
    options: frozenset[str]

    def group(self, path: str) -> Path | None:
        """Return the directory of a group, if it is in the mounted part."""
        if path == self.root or self.root == "/":
            return self.directory / path.lstrip("/")
        if path.startswith(f"{self.root}/"):
            return self.directory / path[len(self.root) + 1 :]
        return None


def places(proc: Path = Path("/proc/self")) -> list[Place]:
    """Return where groups may be made that bound something, without making any.

    :param proc: what the kernel says of this process; other files in tests.
    """
    found: list[Place] = []
    with contextlib.suppress(OSError):
        ours = dict(_groups((proc / "cgroup").read_text()))
        for mount in _mounts((proc / "mountinfo").read_text()):
            place = _place_2(mount, ours) if mount.version == 2 else _place_1(mount, ours)
            if place is not None and place.limits - _bounded_by(found):
                found.append(place)
    return found


def _bounded_by(found: Iterable[Place]) -> frozenset[Limit]:
    return frozenset().union(*(place.limits for place in found))


def _groups(text: str) -> Iterator[tuple[str, str]]:
    """Yield the controllers of each tree (none for version 2), and the path of this process in it."""
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        yield controllers, path


def _mounts(text: str) -> Iterator[_Mount]:
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        root, directory = before.split()[3:5]
        kind, _, options = after.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            path = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), directory))
            version = 2 if kind == "cgroup2" else 1
            yield _Mount(path, root, version, frozenset(options.strip().split(",")))


def _place_1(mount: _Mount, ours: Mapping[str, str]) -> Place | None:
    for controllers, path in ours.items():
        names = set(controllers.split(","))
        limits = frozenset(_CONTROLLERS[name] for name in names & set(_CONTROLLERS))
        directory = mount.group(path)
        if limits and names <= mount.options and directory is not None and _lets_us_in(directory):
            # A kernel can do without the bandwidth of processors.
            if Limit.CPU in limits and not (directory / "cpu.cfs_quota_us").exists():
                limits -= {Limit.CPU}
            return Place(directory, 1, limits)
    return None


def _place_2(mount: _Mount, ours: Mapping[str, str]) -> Place | None:
    directory = mount.group(ours.get("", "/"))
    if directory is None:
        return None
    for group in (directory, *directory.parents):
        with contextlib.suppress(OSError):
            handed_on = (group / "cgroup.subtree_control").read_text().split()
            limits = frozenset(_CONTROLLERS[name] for name in handed_on if name in _CONTROLLERS)
            if limits and _lets_us_in(group):
                return Place(group, 2, limits)
        if group == mount.directory:
            return None
    return None


def _lets_us_in(directory: Path) -> bool:
    """Tell whether we may make groups there and move our processes into them."""
    return os.access(directory, os.W_OK) and os.access(directory / "cgroup.procs", os.W_OK)


@dataclass(slots=True)
class Group:
    """The groups of one box, one in each tree that bounds something of it.

    :param many: directories of groups in the trees of version 1.
    :param one: that of the group in the tree of version 2.
    """

    many: list[Path] = field(default_factory=list)
    one: Path | None = None

    def add(self, directory: Path, version: int) -> None:
        """Add a group of a tree of this version."""
        if version == 1:
            self.many.append(directory)
        else:
            self.one = directory

    @property
    def directories(self) -> list[Path]:
        """All of them."""
        return [*self.many, *filter(None, [self.one])]

    def memory_kills(self) -> int:
        """Return how many members were killed because the memory was used up."""
        return sum(
            _number(directory / name, "oom_kill")
            for directory in self.directories
            for name in ("memory.events", "memory.oom_control")
        )

    def remove(self) -> bool:
        """Remove the groups, which hold no living process any more.

        :return: whether nothing is left of them.
        """
        self.many = [directory for directory in self.many if not _remove(directory)]
        if self.one is not None and _remove(self.one):
            self.one = None
        return not self.directories


def above(place: Path, session: str) -> Path:
    """Return the directory of the group that holds those of a session.

    :param place: the group that it is made in.
    :param session: as `owned` names it.
    """
    return place / f"{PREFIX}{session}"


def owned(session: str) -> str:
    """Return a session's name with what tells whether this process, its owner, lives."""
    return f"{session}-{owners.this_process()}"


def sweep(place: Path) -> None:
    """Remove the groups of sessions whose owners are dead, and kill what still is in them.

    :param place: the group that they were made in.
    """
    for group in place.glob(f"{PREFIX}*"):
        if owners.is_provably_dead(group.name.removeprefix(PREFIX).partition("-")[2]):
            remove_groups(str(group), _LAST_ONES)


def make(place: Place, session: str, name: str, limits: Limits) -> Path | None:
    """Make a group of a box.

    :param session: as `owned` names it.
    :return: its directory, or `None` if the place bounds nothing of what is to be bounded.
    :raises OSError: if the kernel refuses; nothing is left then.
    """
    files = {
        file: value
        for limit in place.limits
        for file, value in (_files_1 if place.version == 1 else _files_2)(limit, limits).items()
    }
    if not files:
        return None
    group = above(place.directory, session)
    if not group.exists():
        group.mkdir(exist_ok=True)
        if place.version == 2:
            hand_on(group)
    directory = group / name
    directory.mkdir()
    try:
        for file, value in files.items():
            _set(directory / file, value)
    except OSError:
        directory.rmdir()
        raise
    return directory


def hand_on(group: Path) -> None:
    """Let the groups in a group bound what it can bound itself."""
    for name in (group / "cgroup.controllers").read_text().split():
        if name in _CONTROLLERS:
            (group / "cgroup.subtree_control").write_text(f"+{name}")


_OPTIONAL = ("memory.memsw.limit_in_bytes", "memory.swap.max")
"""A kernel can do without counting what was swapped out."""


def _set(file: Path, value: str) -> None:
    if file.exists() or file.name not in _OPTIONAL:
        file.write_text(value)


def _files_1(limit: Limit, limits: Limits) -> dict[str, str]:
    match limit:
        case Limit.MEMORY if limits.memory_bytes is not None:
            most = str(limits.memory_bytes)
            # In this order: with swap it can never be less than without.
            return {"memory.limit_in_bytes": most, "memory.memsw.limit_in_bytes": most}
        case Limit.CPU if limits.cpus is not None:
            return {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(_quota(limits.cpus))}
        case Limit.PROCESSES if limits.processes is not None:
            return {"pids.max": str(limits.processes)}
    return {}


def _files_2(limit: Limit, limits: Limits) -> dict[str, str]:
    match limit:
        case Limit.MEMORY if limits.memory_bytes is not None:
            return {"memory.max": str(limits.memory_bytes), "memory.swap.max": "0"}
        case Limit.CPU if limits.cpus is not None:
            return {"cpu.max": f"{_quota(limits.cpus)} {_PERIOD}"}
        case Limit.PROCESSES if limits.processes is not None:
            return {"pids.max": str(limits.processes)}
    return {}


def _quota(cpus: float) -> int:
    return max(_LEAST_QUOTA, round(cpus * _PERIOD))


def _number(file: Path, key: str) -> int:
    """Return a number of a file with lines `KEY NUMBER`; 0 if it is not there."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{key} ")), 0)


def remove_session(group: Path) -> bool:
    """Remove all groups of a session that has ended, and kill what still is in them.

    :param group: that holds them (`above`).
    :return: whether nothing is left of them.
    """
    return not group.name.startswith(PREFIX) or remove_groups(str(group), _LAST_ONES)


def _remove(directory: Path) -> bool:
    try:
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # Somebody is in it who has not died yet.
        return False
    return True
