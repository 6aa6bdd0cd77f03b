"""What a box is isolated by: the seam between the common agent and the tiers.

An isolation is a subclass of `World`. The zygote makes one instance for every box, forks with its
`clone_flags`, calls `adopt` in the parent and `enter` in the child; after that the common agent runs in
the child and asks the same instance what differs from tier to tier.

A `Tier` (`tiers.py`) names the isolation as `module:Class`; the zygote imports it once, before any box,
so everything that `enter` needs must be imported at the top of that module. Imports stay light
(no asyncio, dataclasses, pathlib, subprocess): every box shares that memory and every fork copies its tables.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from pytest_runloop.local.engine import descendants, syscalls

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from typing import Any, TypeVar

    _Result = TypeVar("_Result")

BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class SetUpError(Exception):
    """A step of setting up a box failed.

    :param step: what was being done, in words, e.g. `overlay /usr`.
    :param number: the errno.
    """

    def __init__(self, step: str, number: int) -> None:
        self.step, self.number = step, number
        super().__init__(f"{step}: {os.strerror(number)}")


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Say which step of setting up a box failed, if the kernel refuses it.

    :param what: what is done, in words.
    :raises SetUpError: if so.
    """
    try:
        yield
    except OSError as error:
        raise SetUpError(what, error.errno or errno.EIO) from error


class OutOfReachError(Exception):
    """A path needs a root of its own and this isolation has none.

    :param capability: the value of the missing `Capability`.
    """

    def __init__(self, what: str, capability: str) -> None:
        self.what, self.capability = what, capability
        super().__init__(what)


class World:
    """No isolation at all: a directory as home. Also the base of every other isolation.

    :param plan: what the tier's `plan` gave, through JSON.
    """

    clone_flags = 0
    home: str
    environment: Mapping[str, str]

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.plan = plan
        self.home = plan["home"]
        self.environment = {
            "HOME": self.home,
            "USER": plan["username"],
            "LOGNAME": plan["username"],
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "PATH": f"{self.home}/.local/bin:{BASE_PATH}",
        }

    @classmethod
    def begin(cls) -> int | None:
        """In the zygote, once, before any box.

        :return: a descriptor that becomes readable when no box can go on, e.g. a pidfd of a helper of all.
        """
        return None

    @classmethod
    def look(cls) -> float | None:
        """In the zygote, while there are children: see whether what no box can do without still works.

        :return: seconds until it should be asked again; `None` if it need not be.
        :raises HungError: if it does not.
        """
        return None

    @classmethod
    def bury(cls, living: Collection[int]) -> None:
        """In the zygote, when a child of it ended, and at its own end: end what the kernel did not.

        :param living: children of the zygote to leave alone.
        """

    def adopt(self, pid: int) -> None:
        """In the zygote, right after the fork: what only the parent may do (id maps)."""

    def abandon(self) -> None:
        """In the zygote, instead of `adopt`: the fork failed."""

    def descriptors(self) -> Sequence[int]:
        """Return descriptors that `enter` needs. All others are closed in the child."""
        return ()

    def enter(self) -> None:
        """In the child: set the world up, or raise `SetUpError` or OSError.

        Called once. Descriptors 0, 1 and 2 are /dev/null.
        A change of credentials undoes `die_with_parent`: call it again afterwards.
        """
        os.makedirs(self.home, exist_ok=True)
        syscalls.set_dumpable(False)

    def mementos(self) -> list[int]:
        """Return descriptors that the server holds while the box lives."""
        return []

    @classmethod
    def empower(cls) -> None:
        """In a helper: take on what is needed to work on all files of boxes."""

    def locate(self, path: str) -> str:
        """Return the absolute path that a path of the caller means: absolute, from the home, or `~/…`.

        :raises OutOfReachError: if this isolation has no such place.
        :raises OSError: if it leads out of the box.
        """
        if path == "~" or path.startswith("~/"):
            path = path[2:]
        return os.path.join(self.home, path)

    def listeners(self) -> list[int]:
        """Return descriptors of the box's that the server answers at."""
        return []

    def act(self, function: Callable[[], _Result]) -> _Result:
        """Do something with no more rights than the box's commands have, e.g. start one."""
        return function()

    def open(self, path: str, flags: int, mode: int, parents: bool) -> int:
        """Open a file of the box. Where symbolic links could lead out, an isolation opens it its own way.

        :raises OutOfReachError: as `locate`.
        :raises OSError: as `open`.
        """
        place = self.locate(path)
        if parents:
            os.makedirs(os.path.dirname(place), exist_ok=True)
        return os.open(place, flags | os.O_CLOEXEC | os.O_NOCTTY, mode)

    def idle(self) -> bool:
        """Tell whether no process of the box is alive but the agent."""
        return not descendants.descendants()

    def stop(self) -> list[int]:
        """Stop every process but the agent and return those that were running."""
        return descendants.stop_descendants()

    def go_on(self, stopped: list[int]) -> None:
        """Let the processes run again that `stop` stopped."""
        descendants.continue_descendants(stopped)

    def untidy(self) -> bool:
        """Tell whether a reboot would lose more than processes, e.g. files in a place that is memory."""
        return False

    def signal_group(self, leader: int, number: int) -> None:
        """Signal the process group of a leader that the agent started, which may have been reaped.

        :raises ProcessLookupError: if it is gone.
        """
        os.killpg(leader, number)

    def leave(self) -> None:
        """In the child, when the server has gone or let go: end what the kernel would not end by itself."""


def load(name: str) -> type[World]:
    """Import an isolation by `module:Class`."""
    module, _, attribute = name.partition(":")
    found: type[World] = getattr(importlib.import_module(module), attribute)
    assert issubclass(found, World)
    return found
