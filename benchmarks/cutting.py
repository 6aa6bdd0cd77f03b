"""What commands print while their streams are cut, and what came of it."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import httpx

from pytest_runloop.client.observing import Call

from .local import Backend
from .printing import Printed, printed

OUTPUTS: Final = {"stdout": 1, "stderr": 2}
_IN_A_ROW: Final = 4
"""So many connections of an output break one after the other at the most: a client gives up after six."""
_CONNECTIONS: Final = [nth for nth in range(1, 15) if nth % (_IN_A_ROW + 1)]


@dataclass(slots=True)
class Trial:
    """One command: what it prints, how its streams are cut, how slowly it is read, and what came.

    :param cuts: for an output, which of its connections breaks, and how.
    :param slowness: seconds that a callback takes for a piece.
    """

    name: str
    printed: Printed
    cuts: dict[str, dict[int, str]]
    slowness: float
    came: dict[str, list[str]] = field(default_factory=lambda: {output: [] for output in OUTPUTS})
    fetched: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: int, number: int) -> Trial:
        """Choose the trial of this number."""
        chance = random.Random(f"{seed} {number}")
        output = printed(chance)
        cuts = {name: _cuts(chance, len(output.text(fd).encode())) for name, fd in OUTPUTS.items()}
        slowness = chance.random() / 50 if chance.random() < 0.1 else 0.0
        return cls(f"command {number} of seed {seed}", output, cuts, slowness)

    def callbacks(self, wait: Callable[[float], Any]) -> list[Callable[[str], Any]]:
        """Return what takes the output, and what takes the standard error.

        :param wait: called with the callback's slowness; what it gives is the callback's.
        """

        def taking(output: str) -> Callable[[str], Any]:
            def take(piece: str) -> Any:
                self.came[output].append(piece)
                return wait(self.slowness)

            return take

        return [taking(output) for output in OUTPUTS]

    def differences(self) -> Iterator[tuple[int, int]]:
        """Yield for all that came how many bytes are lost, and how many came twice; tell of those."""
        for output, descriptor in OUTPUTS.items():
            expected = self.printed.text(descriptor)
            ways = {"callbacks": "".join(self.came[output]), "result": self.fetched.get(output, "")}
            for way, got in ways.items():
                lost, doubled = difference(expected, got)
                if lost or doubled:
                    print(f"{self.name}, {output} by {way}: {lost} lost, {doubled} twice", file=sys.stderr)
                yield lost, doubled


def difference(expected: str, got: str) -> tuple[int, int]:
    """Return how many bytes are missing in what came of a text, and how many came too much, in one place."""
    if expected == got:
        return 0, 0
    head = _alike(expected, got)
    expected, got = expected[head:], got[head:]
    tail = _alike(expected[::-1], got[::-1])
    lost, doubled = expected[: len(expected) - tail], got[: len(got) - tail]
    return len(lost.encode()), len(doubled.encode())


def _alike(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginnings."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _cuts(chance: random.Random, size: int) -> dict[int, str]:
    """Choose which connections break, and how: near the beginning of their streams, or anywhere in them."""
    return {
        nth: f"at={chance.randrange(chance.choice((100, *[size + 200] * 3)))}:how={_way(chance)}"
        for nth in _CONNECTIONS
        if chance.random() < 0.7
    }


def _way(chance: random.Random) -> str:
    stall = f"stall:lasting={chance.random() / 5:.3f}"
    return chance.choices(("close", "reset", stall, "stall"), (40, 40, 19, 1))[0]


class Resumed:
    """Counts the streams that went on in the middle; others begin anew, since nothing had come of them."""

    def __init__(self) -> None:
        self.count = 0

    def called(self, call: Call) -> None:
        """Look at a call that is over."""
        self.count += "offset" in call.values

    def looked_at(self, devbox_id: str, execution_id: str) -> None:
        """Nothing is to be known of that."""

    def unfit(self, devbox_id: str, why: str) -> None:
        """Nothing is to be known of that."""


class Cutter:
    """Tells a backend which streams to cut.

    :param running: was started with a plan of faults.
    """

    def __init__(self, running: Backend) -> None:
        key = {"Authorization": f"Bearer {running.api_key}"}
        self._api = httpx.Client(base_url=f"{running.base_url}/_local/faults", headers=key, timeout=60)
        self._numbers = count()
        self.resumed = Resumed()

    def __enter__(self) -> Cutter:
        return self

    def __exit__(self, *exc: object) -> None:
        self._api.close()

    @contextmanager
    def cutting(self, devbox_id: str, trial: Trial) -> Iterator[None]:
        """Have the streams of a devbox cut as a trial says, while the block runs."""
        rules = [
            f"cut@stream_{output}_updates:devbox={devbox_id}:nth={nth}:{how}:name=cut-{next(self._numbers)}"
            for output, cuts in trial.cuts.items()
            for nth, how in cuts.items()
        ]
        names = [self._asked("POST", "/rules", json={"text": rule})["name"] for rule in rules]
        try:
            yield
        finally:
            for name in names:
                self._asked("POST", f"/rules/{name}/remove")

    def done(self) -> int:
        """Return how many streams were cut."""
        return int(self._asked("GET", "/log")["last"])

    def _asked(self, verb: str, path: str, **how: Any) -> Any:
        return self._api.request(verb, path, **how).raise_for_status().json()
