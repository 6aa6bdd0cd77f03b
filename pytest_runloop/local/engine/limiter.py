"""Keeps boxes to their limits, with what this host permits.

Memory: with control groups the kernel kills a process of the box; without them nobody does.
Processors: with control groups a share of time. In any case the box is kept on as many of them as it has,
whole or in part, so that programs count them right; a process can undo that, so it is no limit.
Processes: with control groups no more can be started. Without them the kernel counts by user, which bounds a
box only if it has users of its own, and only if the engine is not root's, who is never refused.
Disk: a box that wrote more is ended (`disk_watch.py`).
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pytest_runloop.local.engine import cgroups
from pytest_runloop.local.engine.protocol import BoxSpec, Capability, EngineError, Limit, Limits
from pytest_runloop.local.engine.sessions import Session

_CAPABILITY = {
    Limit.MEMORY: Capability.LIMITED_MEMORY,
    Limit.CPU: Capability.LIMITED_CPU,
    Limit.DISK: Capability.LIMITED_DISK,
    Limit.PROCESSES: Capability.LIMITED_PROCESSES,
}
ALL = frozenset(_CAPABILITY.values())
_COUNTED_BY_NAMESPACE = (5, 14)
"""The Linux since which `RLIMIT_NPROC` counts the processes of a user namespace apart from all others."""


@dataclass(slots=True)
class Hold:
    """What keeps one box to its limits.

    :param processors: that it runs on.
    :param processes: as a limit of resources; `None` if a group or nothing bounds them.
    """

    group: cgroups.Group = field(default_factory=cgroups.Group)
    processors: list[int] = field(default_factory=list)
    processes: int | None = None

    def plan(self) -> dict[str, Any]:
        """Return what `bounds.apply` needs to know."""
        return {
            "groups": [str(directory) for directory in self.group.many],
            "group": None if self.group.one is None else str(self.group.one),
            "processors": self.processors,
            "processes": self.processes,
        }


class Limiter:
    """Keeps the boxes of one engine to their limits.

    :param session: of the engine.
    :param own_users: whether each box has a user namespace of its own.
    """

    def __init__(self, session: Session, *, own_users: bool) -> None:
        self._session = session
        self._groups = cgroups.owned(session.name)
        self._places = [place for place in cgroups.places() if os.geteuid() == 0 or place.version == 2]
        self._grouped = frozenset[Limit]().union(*(place.limits for place in self._places))
        self._counts_users = own_users and os.geteuid() != 0 and _kernel() >= _COUNTED_BY_NAMESPACE
        self._processors = Counter[int](dict.fromkeys(os.sched_getaffinity(0), 0))
        self._left: list[cgroups.Group] = []
        self._noted = False

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The limits that can be kept to."""
        kept = self._grouped | {Limit.DISK}
        if self._counts_users:
            kept |= {Limit.PROCESSES}
        return frozenset(_CAPABILITY[limit] for limit in kept)

    def hold(self, spec: BoxSpec) -> Hold:
        """Make what keeps a box to its limits.

        :raises EngineError: if the kernel refuses what it permitted before; nothing is left then.
        """
        hold = Hold(self._make_groups(spec))
        hold.processors = self._take_processors(spec.limits.cpus)
        if self._counts_users and Limit.PROCESSES not in self._grouped:
            hold.processes = spec.limits.processes
        return hold

    def release(self, hold: Hold) -> None:
        """Drop what kept a box to its limits, after its end."""
        self._processors.subtract(hold.processors)
        hold.processors = []
        self._left = [group for group in (*self._left, hold.group) if not group.remove()]

    def forgo_groups(self) -> bool:
        """Do without control groups from now on.

        :return: whether there were any.
        """
        self.close()
        had, self._places, self._grouped = self._places, [], frozenset()
        return bool(had)

    def close(self) -> None:
        """Remove all groups, after the end of every box."""
        for place in self._places if self._noted else ():
            cgroups.remove_session(cgroups.above(place.directory, self._groups))

    def sweep(self) -> None:
        """Remove the groups of dead engines, also of such whose state directory is gone."""
        for place in self._places:
            cgroups.sweep(place.directory)

    def _make_groups(self, spec: BoxSpec) -> cgroups.Group:
        group = cgroups.Group()
        limits = _binding(spec.limits)
        try:
            for place in self._places:
                self._note()
                directory = cgroups.make(place, self._groups, spec.name, limits)
                if directory is not None:
                    group.add(directory, place.version)
        except OSError as error:
            group.remove()
            raise EngineError(f"could not limit devbox {spec.name}: {error}") from error
        return group

    def _note(self) -> None:
        """Write down where our groups will be, for whoever cleans up after us."""
        if not self._noted:
            self._session.note_groups(
                [cgroups.above(place.directory, self._groups) for place in self._places]
            )
            self._noted = True

    def _take_processors(self, cpus: float | None) -> list[int]:
        """Choose those that the fewest boxes are on; none if all would do."""
        count = len(self._processors) if cpus is None else max(1, math.ceil(cpus))
        if count >= len(self._processors):
            return []
        chosen = sorted(self._processors, key=lambda number: (self._processors[number], number))[:count]
        self._processors.update(chosen)
        return sorted(chosen)


def _binding(limits: Limits) -> Limits:
    """Return the limits without those that the machine cannot reach."""
    memory = limits.memory_bytes
    return Limits(
        memory_bytes=memory if memory is not None and memory < machine_memory() else None,
        cpus=limits.cpus if limits.cpus is not None and limits.cpus < len(os.sched_getaffinity(0)) else None,
        processes=limits.processes,
    )


def machine_memory() -> int:
    """Return the bytes of memory that this machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _kernel() -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])
