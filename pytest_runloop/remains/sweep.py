"""Ends what runs have left: only of runs that are proven dead, or that the user names."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..session import backend, server
from ..session.ending import end_all, shut_down
from ..session.ledger import Entry, Ledger
from ..session.requests import living_of
from ..session.run import dead_runs
from .census import LOCAL, Census, Living, RunFound

if TYPE_CHECKING:
    from .. import Runloop

SECONDS = 60.0
"""For the devboxes of one run."""


@dataclass(slots=True)
class Swept:
    """What became of a run.

    :param ended: devboxes whose end the service confirmed.
    :param unconfirmed: devboxes that may live still, each with the reason.
    :param problem: why nothing could be done.
    """

    run: RunFound
    ended: list[Living] = field(default_factory=list)
    unconfirmed: list[tuple[Living, str]] = field(default_factory=list)
    problem: str = ""

    @property
    def clean(self) -> bool:
        """Whether nothing is left of it."""
        return not self.unconfirmed and not self.problem


def targets(census: Census, named: Sequence[str]) -> list[RunFound]:
    """Return the runs that may be swept: those that are proven dead, or those that are named.

    :param named: ids that are in the census.
    """
    return [found for found in census.runs if (found.id in named if named else found.fate == "dead")]


def sweep(state: Path, found: Sequence[RunFound]) -> Iterator[Swept]:
    """End what is left of runs.

    :param state: the state directory.
    :param found: the runs, as the census has them.
    """
    with contextlib.ExitStack() as held:
        # Held, so that nobody else clears them at the same time; and proven once more, now for good.
        here = any(run.path for run in found)
        dead = held.enter_context(dead_runs(state)) if here else []
        for run in found:
            yield _swept(run, may_remove=run.path in dead)


def _swept(run: RunFound, *, may_remove: bool) -> Swept:
    if run.fate == "dead" and not may_remove:
        return Swept(run, problem="another run is clearing it at this moment")
    swept = _local_ended(run) if run.where == LOCAL and run.path else _devboxes_ended(run)
    if swept.clean and may_remove and run.path:
        shutil.rmtree(run.path, ignore_errors=True)
    return swept


def _local_ended(run: RunFound) -> Swept:
    """End the local backend of a run, and every devbox with it."""
    assert run.path is not None
    with contextlib.suppress(ValueError, TypeError, KeyError):  # damaged: then it ends by the lock alone
        running = server.load(run.path / "backend.json")
        if running is not None:
            server.stop(running)
            if server.alive(running):
                return Swept(run, problem=f"its local backend, process {running.pid}, does not end")
    return Swept(run, ended=run.devboxes)


def _devboxes_ended(run: RunFound) -> Swept:
    swept = Swept(run)
    if not run.devboxes:
        return swept
    if not run.asked:
        swept.problem = "its server could not be asked"
        return swept
    ledger = Ledger(run.path / "devboxes", run.id) if run.path else None
    # By its own list: what stands in metadata anybody may have written.
    entries = {entry.key: entry for entry in ledger or ()}
    outcomes: dict[int, str] = {}
    with contextlib.closing(backend.client_of_account(run.where)) as client:

        def end_one(number: int) -> None:
            box = run.devboxes[number]
            try:
                _end(client, run, box)
                if ledger is not None and box.entry in entries:
                    ledger.strike(entries[box.entry])
                outcomes[number] = ""
            except Exception as error:
                outcomes[number] = " ".join(str(error).split())
                raise

        end_all(range(len(run.devboxes)), end_one, SECONDS)
    for number, box in enumerate(run.devboxes):
        why = outcomes.get(number, f"no answer within {SECONDS:.0f} s")
        if why:
            swept.unconfirmed.append((box, why))
        else:
            swept.ended.append(box)
    return swept


def _end(client: Runloop, run: RunFound, box: Living) -> None:
    entry = Entry(box.entry, run.id, box.test, box.since_ms, box.id)
    for devbox in [box.id] if box.id else list(living_of(client, entry)):
        shut_down(client, devbox)
