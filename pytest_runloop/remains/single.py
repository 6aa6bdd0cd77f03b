"""Single devboxes that a user names: which of them may be ended, and what is said of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..contract.nearest import nearest
from ..session import backend
from ..session.requests import ENDED
from ..session.run import kept_in, known_runs
from ..wayback.errors import UnknownDevboxError
from ..wayback.find import found
from .census import Census, Living, RunFound
from .sweep import of_devboxes
from .text import not_looked_at, printable, shown


@dataclass(slots=True)
class Singles:
    """What there is to do about devboxes.

    :param runs: theirs, with those devboxes only that may be ended.
    :param over: of those that have ended already: how.
    :param refused: of those that may not be ended: why.
    """

    runs: list[RunFound] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def singles(census: Census, devboxes: Sequence[str], named: Sequence[str], state: Path) -> Singles:
    """Look what may be done about devboxes.

    :param devboxes: their ids.
    :param named: ids of runs that the user says they are of; then these may live.
    :param state: the state directory.
    """
    about, wanted = Singles(), []
    for devbox in dict.fromkeys(devboxes):
        run = census.having(devbox)
        box = None if run is None else next((box for box in shown(run) if box.id == devbox), None)
        if run is None or box is None:
            _look_up(about, census, devbox, state)
        elif (why := _why_not(run, box, named)) is not None:
            about.refused.append(why)
        else:
            wanted.append(devbox)
    about.runs = of_devboxes(census, wanted)
    return about


def _why_not(run: RunFound, box: Living, named: Sequence[str]) -> str | None:
    """Say why a devbox that lives may not be ended."""
    if named and run.id not in named:
        return f"devbox {box.id} is of run {printable(run.id)}, which you do not name"
    if named or run.fate != "living" or box.kept:
        return None
    return (
        f"devbox {box.id} is in use by run {run.id}, which lives, for {printable(box.test)}.\n"
        f"To end it all the same, name its run: pytest-runloop sweep --yes --devbox {box.id} {run.id}"
    )


def _look_up(about: Singles, census: Census, devbox: str, state: Path) -> None:
    """Find out about a devbox that no run has, as far as it is known."""
    if census.failed:
        about.refused.append("\n".join([_unknown(census, devbox), *not_looked_at(census)]))
        return
    if _ended_with_its_backend(devbox, state):
        about.over.append(f"devbox {devbox} has ended already, with its local backend")
        return
    try:
        with found(devbox, state) as there:
            status, reason = there.view.status, there.view.failure_reason or there.view.shutdown_reason
    except UnknownDevboxError as error:
        about.refused.append("\n".join([_unknown(census, devbox), *(f"  - {line}" for line in error.asked)]))
        return
    if status in ENDED:
        why = f": {printable(reason)}" if reason else ""
        about.over.append(f"devbox {devbox} has ended already ({printable(status)}{why})")
    else:
        about.refused.append(f"devbox {devbox} is {printable(status)}, but no run of pytest made it")


def _ended_with_its_backend(devbox: str, state: Path) -> bool:
    local = [path for path in known_runs(state) if not backend.of_the_cloud(path)]
    return any(kept_in(path).find(devbox) is not None and not backend.lives(path) for path in local)


def _unknown(census: Census, devbox: str) -> str:
    known = [box.id for run in census.runs for box in shown(run) if box.id]
    return f"no run has a living devbox {devbox!r}{nearest(devbox, known)}"
