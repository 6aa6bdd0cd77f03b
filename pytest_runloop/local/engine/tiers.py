"""What an engine must know of a tier. The part that runs inside a box is in `isolation.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pytest_runloop.local.engine.isolation import World
from pytest_runloop.local.engine.launcher import Launch, launch_here
from pytest_runloop.local.engine.protocol import BoxSpec, Capability
from pytest_runloop.local.engine.sessions import Session


@dataclass(frozen=True, slots=True)
class TierReport:
    """Why a tier cannot be had here.

    :param tier: its name.
    :param reason: what was tried, and what came of it.
    :param remedy: one line that says how to get it, or an empty text.
    """

    tier: str
    reason: str
    remedy: str = ""


class Helpers(Protocol):
    """Runs tasks of `zygote.TASKS` in helper processes."""

    async def run(self, task: str, *arguments: Any, streams: Sequence[int] = ()) -> Any:
        """Run one and return its result.

        :param streams: descriptors, its last arguments. The caller goes on owning them.
        :raises EngineError: if it failed.
        """


class Tier:
    """A tier: what its boxes can do, and where the files of a box lie. This one isolates nothing.

    Every box has a directory, and in it `up`, which holds all that a snapshot keeps.
    """

    name: ClassVar[str] = "none"
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    isolation: ClassVar[str] = f"{World.__module__}:{World.__qualname__}"
    """`module:Class` of the `World` that the zygote makes for each box."""
    stacked: ClassVar[bool] = False
    """Whether a box stands on its layers. Else the one layer that it starts from is copied into its `up`."""

    own_users: ClassVar[bool] = False
    """Whether each box has a user namespace of its own."""

    def launch(self, session: Session) -> Launch:
        """Return what starts the zygotes of an engine.

        :param session: of the engine.
        """
        return launch_here

    async def prepare(self, state_dir: Path, helpers: Helpers) -> None:
        """Make what all boxes share, once when the engine starts.

        :param state_dir: outlives the engine and is shared with others.
        :raises EngineError: if the tier cannot be had here.
        """

    def plan(
        self, spec: BoxSpec, directory: Path, layers: list[Path], *, reboot: bool, whole: bool
    ) -> dict[str, Any]:
        """Return what the isolation needs to know, as JSON.

        :param directory: the box's own; `up` is in it.
        :param layers: the directories of the layers below `up`, nearest first; none if not stacked.
        :param reboot: the box goes on after a snapshot: keep `/run` and the like.
        :param whole: the layers are a whole root, not differences to the machine's system.
        """
        return {"home": str(directory / "up" / "home"), "username": spec.username}

    async def close(self) -> None:
        """Let go of what `prepare` took."""
