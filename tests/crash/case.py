"""What happens in one case. Everything follows from its seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

LINES = {
    "intend": 40,
    "create": 420,
    "flight": 24,
    "lease": 150,
    "release": 260,
    "shutdown": 260,
    "snapshot": 220,
    "end": 420,
}
"""The steps in which somebody dies, and about how many lines of code each runs through.

`flight` is a create call on its way: sent, and not answered.
"""

FAULTS = (
    "",
    "",
    "rtt=0.04",
    "delay@devboxes.create:by=0.2",
    "delay@devboxes.create:after:by=0.2",
    "delay@devboxes.shutdown:by=0.2",
    "lost@devboxes.create:times=1",
    "lost@devboxes.create:before:times=1",
    "reset@devboxes.create:after:times=2",
    "reset@devboxes.shutdown:after:times=1",
    "lost@devboxes.shutdown:times=2",
    "lost@devboxes.snapshot_disk_async:times=1",
    "http_500@devboxes.create:after:times=1",
    "http_500@devboxes.shutdown:after:times=1",
    "http_500=15%@*",
    "http_429@devboxes.create:times=1",
    "http_429=10%@*",
    "lost=10%@*",
    "reset=10%@*",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    :param workers: how many processes run tests, beside the controller.
    :param tests: for each test whether it shares a devbox, and whether a snapshot is taken at its end.
    :param step: where somebody dies; `None` if nobody does.
    :param turn: at the how manieth time that the step begins.
    :param line: after so many lines of it, or at its end if it has fewer.
    :param victims: `self` (who is at the step), `controller`, or `all`.
    :param cleaner: `watcher` (the run's own), or without one `run` (the next) or `sweep` (the command).
    """

    seed: int
    workers: int
    cap: int | None
    tests: tuple[tuple[str, bool], ...]
    faults: str
    step: str | None
    turn: int
    line: int
    victims: str
    cleaner: str

    @classmethod
    def of(cls, seed: int) -> Case:
        """Return the case of a seed."""
        chance = random.Random(f"crash {seed}")
        step = chance.choice([*LINES, None]) if chance.random() < 0.95 else None
        tests = tuple(
            (chance.choice(["never", "shared"]), step == "snapshot" or chance.random() < 0.15)
            for _ in range(chance.randint(1, 3))
        )
        return cls(
            seed,
            workers=chance.randint(1, 2),
            cap=chance.choice([None, 1, 2]),
            tests=tests,
            faults=chance.choice(FAULTS),
            step=step,
            turn=chance.randint(1, 1 if step in ("end", "snapshot") else len(tests)),
            line=chance.randrange(LINES[step]) if step else 0,
            victims=chance.choice(["self", "controller", "all"]) if step != "end" else "self",
            cleaner=chance.choice(["watcher", "run", "sweep"]),
        )
