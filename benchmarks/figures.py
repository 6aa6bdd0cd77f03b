"""How figures are taken and shown."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure and what it must reach.

    :param what: what was measured, in words.
    :param measured: the figure.
    :param unit: `x` for ratios, else the unit.
    :param bound: what it must reach: at most this, or with `at_least` at least this.
    :param detail: the values that the figure was made from.
    """

    what: str
    measured: float
    unit: str
    bound: float
    detail: str
    at_least: bool = False

    @property
    def reached(self) -> bool:
        """Whether the figure is within its bound."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


HEAD = "| figure | measured | must be | reached | from |\n|---|---|---|---|---|"
"""The head of a Markdown table of figures."""


def row(figure: Figure) -> str:
    """Return a figure as a row of that table."""
    measured = f"{_number(figure.measured)} {figure.unit}".rstrip()
    bound = f"{'≥' if figure.at_least else '≤'} {figure.bound:g} {figure.unit}".rstrip()
    return f"| {figure.what} | {measured} | {bound} | {'yes' if figure.reached else 'NO'} | {figure.detail} |"


def _number(measured: float) -> str:
    return f"{measured:,.0f}" if measured == int(measured) else f"{measured:.2f}"


def interleaved(
    rounds: int, pick: Callable[[list[float]], float] = statistics.median, **actions: Callable[[], object]
) -> dict[str, float]:
    """Return the time of each action in milliseconds, taken in turn so that noise hits all alike.

    :param pick: chooses from the times of all rounds: the median, unless told otherwise.
    """
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            started = time.perf_counter()
            action()
            times[name].append((time.perf_counter() - started) * 1000)
    return {name: pick(taken) for name, taken in times.items()}


async def timed(action: Callable[[], Awaitable[object]]) -> float:
    """Return how long an awaitable action took, in milliseconds."""
    started = time.perf_counter()
    await action()
    return (time.perf_counter() - started) * 1000
