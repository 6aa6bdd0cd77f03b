"""Where the modes are tried out: a service that outlives their runs, and what is left on it and of them."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pytest_runloop.contract.views.devboxes import DevboxView
from pytest_runloop.session.ledger import RUN_KEY
from pytest_runloop.session.requests import ENDED, newest

from ..plugin.service import Service, service
from ..plugin.waiting import until
from .users_suite import BLUEPRINTS

SLOW = "seed=1, boot=0.05, shutdown=0.05"
"""A devbox that is being shut down counts still: who makes one too early is found out."""
_NEWEST = 200
"""More than a trial makes."""


@dataclass
class Place:
    """The service, and what there is of it while it has no devbox.

    :param state: its state directory.
    """

    service: Service
    state: Path
    _idle: dict[str, int] = field(default_factory=dict)

    def settle_down(self) -> None:
        """Have everything made once that stays, and count it."""
        for name in BLUEPRINTS:
            self.service.client.blueprint.create(
                name=name, dockerfile=f"FROM ubuntu:22.04\nENV WHICH={name}\nRUN true\n"
            )
            with self.service.client.devbox.create(blueprint_name=name) as devbox:
                devbox.cmd.exec("true").check()
        self._idle = self._least()

    def devboxes(self, trial: str) -> list[DevboxView]:
        """Return all devboxes that a trial ever had."""
        views = newest(self.service.client, limit=_NEWEST).devboxes
        return [view for view in views if view.metadata.get("trial") == trial]

    def living(self, trial: str) -> list[str]:
        """Return the ids of those that live."""
        return [view.id for view in self.devboxes(trial) if view.status not in ENDED]

    def most_at_once(self, trial: str) -> dict[str, int]:
        """Return for each run of a trial how many devboxes it had at most at one moment."""
        moments: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for view in self.devboxes(trial):
            of_run = moments[view.metadata[RUN_KEY]]
            # Who ended in the millisecond in which another was made was not there together with it.
            of_run += [(view.create_time_ms, 1), (view.end_time_ms or 1 << 62, -1)]
        return {run: _highest(changes) for run, changes in moments.items()}

    def surplus(self) -> dict[str, int]:
        """Return what there is more of than at the beginning: processes, mounts, files of devboxes."""
        return {what: count for what, count in self._count().items() if count > self._idle[what]}

    def _least(self) -> dict[str, int]:
        """Count until the last devbox is gone with all that it had."""
        until(lambda: not self._boxes(), "the end of the first devboxes")
        counts = []
        for _ in range(20):
            counts.append(self._count())
            time.sleep(0.05)
        return {what: min(count[what] for count in counts) for what in counts[0]}

    def _boxes(self) -> list[Path]:
        return [path for part in ("sessions/*/boxes/*", "trash/*") for path in self.state.glob(part)]

    def _count(self) -> dict[str, int]:
        processes = list(_family(self.service.process))
        mounts = [len(_lines(Path(f"/proc/{process}/mountinfo"))) for process in processes]
        return {
            "processes": len(processes),
            "mounts": sum(mounts),
            "mounts of this machine": len(_lines(Path("/proc/self/mountinfo"))),
            "directories of devboxes": len(self._boxes()),
        }


def _highest(changes: list[tuple[int, int]]) -> int:
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:  # it has ended
        return []


def _family(process: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield process
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        for child in " ".join(_lines(thread)).split():
            yield from _family(int(child))


@contextmanager
def place() -> Iterator[Place]:
    """Run a service, and wait until it has all that it keeps."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        state = Path(folder)
        with service(state, f"--faults={SLOW}") as running:
            made = Place(running, state)
            made.settle_down()
            yield made
