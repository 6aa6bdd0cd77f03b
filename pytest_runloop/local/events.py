"""What a devbox's life announces as it goes on, so that a plan of faults can take part in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

Ending = Literal["failure", "shutdown"]


class Moment(StrEnum):
    """A step of a devbox's life at which something can happen to it."""

    BOOT = "boot"
    RUNNING = "running"
    SUSPEND = "suspend"
    RESUME = "resume"
    SNAPSHOT = "snapshot"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Death:
    """How a devbox ends.

    :param status: the status that it then has, `failure` or `shutdown`.
    :param reason: its `failure_reason` or `shutdown_reason`.
    """

    status: Ending
    reason: str


EndDevbox = Callable[[str, Death], bool]
"""Ends a devbox by its id, in any state: its status says so at once, its processes end soon.

Returns whether it was alive. One that has ended stays as it is, and an unknown id means nothing.
"""


EvictDevbox = Callable[[str, float], bool]
"""Announces that a devbox is to be suspended after so many seconds, by its id.

Returns whether that is new. An unknown id means nothing.
"""


class DevboxEvents(Protocol):
    """What the life cycle of devboxes asks. Nothing here raises; a devbox dies through `on_death` alone."""

    def on_death(self, end: EndDevbox) -> None:
        """Say how a devbox is ended. Called once, before anything else."""

    def on_eviction(self, evict: EvictDevbox) -> None:
        """Say how a devbox is evicted. Called once, before anything else."""

    def created(self, devbox_id: str, name: str | None) -> None:
        """A devbox was asked for; its boot begins."""

    async def at(self, devbox_id: str, moment: Moment) -> None:
        """A devbox is at a step of its life; the step may be shown as done when this returns.

        The time that the plan gives to the step has passed by then. For `BOOT` it counts from `created`, so
        that the real boot is part of it. The devbox may have died meanwhile.
        """

    async def command(self, devbox_id: str, command: str) -> None:
        """A command is about to start. The devbox may be dead when this returns.

        :param command: its text, to which rules are compared. It is not kept.
        """

    def ended(self, devbox_id: str) -> None:
        """A devbox ended, of whatever; nothing more will happen to it."""


class UndisturbedDevboxes:
    """The events of a backend without a plan: every step takes its own time, and nobody dies."""

    def on_death(self, end: EndDevbox) -> None:
        """Nobody dies."""

    def on_eviction(self, evict: EvictDevbox) -> None:
        """Nobody is evicted."""

    def created(self, devbox_id: str, name: str | None) -> None:
        """Nothing to note."""

    async def at(self, devbox_id: str, moment: Moment) -> None:
        """Return at once."""

    async def command(self, devbox_id: str, command: str) -> None:
        """Return at once."""

    def ended(self, devbox_id: str) -> None:
        """Nothing to forget."""
