"""The census and the sweep in words."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from .census import LOCAL, Census, Living, RunFound
from .sweep import Swept

_FATES = {
    "living": "lives",
    "dead": "is dead",
    "unknown": "is not of this machine: it may live on another",
}


def ps_lines(census: Census) -> Iterator[str]:
    """Say what lives."""
    for run in census.runs:
        yield run_line(run)
        yield from (f"    {box_line(box)}" for box in shown(run))
    count = sum(len(shown(run)) for run in census.runs)
    yield f"{counted(count, 'devbox', 'devboxes')} of {counted(len(census.runs), 'run', 'runs')}"
    if any(box.until_ms for run in census.runs for box in run.devboxes):
        yield "A devbox that is kept alive ends later than said here."
    yield from not_looked_at(census)


def shown(run: RunFound) -> list[Living]:
    """Return the devboxes of a run, without those that its server, which was asked, does not know to live."""
    return [box for box in run.devboxes if box.status is not None or not run.asked]


def run_line(run: RunFound) -> str:
    """Say of a run whether it lives, and where its devboxes are."""
    where = "a local backend of its own" if run.where == LOCAL else run.where
    return f"run {printable(run.id)} {_FATES[run.fate]} ({printable(where)})"


def not_looked_at(census: Census) -> Iterator[str]:
    """Say what the census does not know."""
    return (f"Not looked at: {printable(reason)}" for reason in census.unasked)


def box_line(box: Living) -> str:
    """Say in one line what is known of a devbox."""
    name = printable(box.id or "an id that never came")
    ends = f", ends {clock(box.until_ms)} at the earliest" if box.until_ms else ""
    status = printable(box.status or "not seen") + (", kept on purpose" if box.kept else "")
    return f"{name} {status}, since {clock(box.since_ms)}{ends}: {printable(box.test)}"


def plan_lines(found: Sequence[RunFound]) -> Iterator[str]:
    """Say what a sweep would end."""
    for run in found:
        yield run_line(run)
        yield from (f"    would end {box_line(box)}" for box in shown(run))
        if not shown(run):
            yield "    would remove its directory; no devbox of it lives"


def swept_lines(swept: Swept) -> Iterator[str]:
    """Say what became of a run."""
    yield run_line(swept.run)
    yield from (f"    ended {box_line(box)}" for box in swept.ended)
    yield from (
        f"    NOT CONFIRMED {box_line(box)}\n        {printable(why)}" for box, why in swept.unconfirmed
    )
    if swept.problem:
        yield f"    NOT SWEPT: {printable(swept.problem)}"
    elif swept.removed and not swept.ended:
        yield "    nothing of it lives; its directory is removed"


def clock(moment_ms: int) -> str:
    """Return a moment as this machine's clock shows it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment_ms / 1000))


def printable(text: str) -> str:
    """Return a text that cannot play tricks with a terminal: anybody with the key may have written it."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def counted(count: int, one: str, many: str) -> str:
    """Return how many there are, in words."""
    return f"{count or 'no'} {one if count == 1 else many}"
