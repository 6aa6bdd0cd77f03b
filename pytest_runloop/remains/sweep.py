"""Ends what runs have left: only of runs that are proven dead, or that the user names."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..session import backend, server
from ..session.ending import devboxes_of, end_all, shut_down
from ..session.ledger import Entry
from ..session.run import dead_runs, ledger_in, members_live
from .census import LOCAL, Census, Living, RunFound, of_entry

if TYPE_CHECKING:
    from .. import Runloop

SECONDS = 60.0
"""For the devboxes of one run."""
SURVIVOR_SECONDS = 20.0


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
        return Swept(run, problem="its watcher, or another run, is clearing it at this moment")
    if may_remove and run.path and run.where != LOCAL:
        if not _survivors_ended(run.path):
            return Swept(run, problem=f"workers of it have not ended within {SURVIVOR_SECONDS:.0f} s")
        _add_what_they_wrote(run, run.path)
    swept = _local_ended(run) if run.where == LOCAL and run.path else _devboxes_ended(run)
    if swept.clean and may_remove and run.path:
        shutil.rmtree(run.path, ignore_errors=True)
    return swept


def _survivors_ended(path: Path) -> bool:
    """Wait for the workers of a killed controller: until they end they may make further devboxes."""
    deadline = time.monotonic() + SURVIVOR_SECONDS
    while members_live(path):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _add_what_they_wrote(run: RunFound, path: Path) -> None:
    """Add what came into the ledger after the census."""
    known = {box.entry for box in run.devboxes}
    run.devboxes += [of_entry(entry) for entry in ledger_in(path) if entry.key not in known]


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
    ledger = ledger_in(run.path) if run.path else None
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
    for devbox in devboxes_of(client, entry):
        shut_down(client, devbox)
