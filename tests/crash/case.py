"""What happens in one case. Everything follows from its seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

LINES = {
    "intend": 25,
    "create": 800,
    "flight": 24,
    "lease": 240,
    "release": 300,
    "shutdown": 220,
    "reset": 190,
    "evidence": 16_000,
    "snapshot": 220,
    "parting": 1000,
    "keep": 600,
    "again": 25,
    "end": 2300,
}
"""The steps in which somebody dies, and about how many lines of code each runs through.

`flight` is a create call on its way: sent, and not answered.
"""

FAULTS = (
    "",
    "",
    "rtt=0.04",
    "snapshot=0.3",
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
MORTAL = "die_out_of_memory:command=*fatal*:times=1"
"""The devbox dies of the command of a test that fails by the environment; of the next try it does not."""


class Test(NamedTuple):
    """A test.

    :param reuse: as the marker has it.
    :param how: it ends: `passes`, `fails`, or `fatal`, which is the environment's fault.
    """

    reuse: str
    how: str


OPTIONS = _SNAPSHOT, _KEEP, _ARTIFACTS, _RERUN = (
    "--runloop-snapshot-on-fail",
    "--runloop-keep=on-failure",
    "--runloop-artifacts=artifacts",
    "--runloop-rerun-environment=1",
)
OWN_FAILS, OWN_FATAL = Test("never", "fails"), Test("never", "fatal")
NEEDS: dict[str, tuple[tuple[Test, ...], tuple[str, ...]]] = {
    "reset": ((Test("reset", "passes"),) * 3, ()),
    "evidence": ((OWN_FAILS,), (_ARTIFACTS,)),
    "snapshot": ((OWN_FAILS,), (_SNAPSHOT,)),
    "parting": ((OWN_FAILS,), (_SNAPSHOT,)),
    "keep": ((OWN_FAILS,), (_KEEP,)),
    "again": ((OWN_FATAL,), (_RERUN,)),
}
"""Without which tests, and options of pytest, a step does not come."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    :param workers: how many processes run tests, beside the controller.
    :param options: of pytest.
    :param step: where somebody dies; `None` if nobody does.
    :param turn: at the how manieth time that the step begins.
    :param line: after so many lines of it, or at its end if it has fewer.
    :param victims: `self` (who is at the step), `controller`, or `all`.
    :param cleaner: `watcher` (the run's own), or without one `run` (the next) or `sweep` (the command).
    """

    seed: int
    workers: int
    cap: int | None
    tests: tuple[Test, ...]
    options: tuple[str, ...]
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
        needed, options = NEEDS.get(step or "", ((), ()))
        tests = needed + tuple(_test(chance) for _ in range(chance.randint(not needed, 2)))
        return cls(
            seed,
            workers=chance.randint(1, 2),
            cap=chance.choice([None, 1, 2]),
            tests=tests,
            options=tuple(one for one in OPTIONS if one in options or chance.random() < 0.2),
            faults=", ".join(filter(None, [chance.choice(FAULTS), MORTAL])),
            step=step,
            turn=chance.randint(1, 1 if step in (*NEEDS, "end") else len(tests)),
            line=chance.randrange(LINES[step]) if step else 0,
            victims=chance.choice(["self", "controller", "all"]) if step != "end" else "self",
            cleaner=chance.choice(["watcher", "run", "sweep"]),
        )


def _test(chance: random.Random) -> Test:
    reuse = chance.choice(["never", "reset", "shared"])
    return Test(reuse, chance.choice(["passes", "passes", "fails", "fatal"]))
