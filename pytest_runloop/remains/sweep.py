"""Ends what runs have left: only of runs that are proven dead, or that the user names."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..session import backend, server
from ..session.ending import devboxes_of, end_all, shut_down
from ..session.ledger import Entry
from ..session.run import dead_runs, kept_in, ledger_in, members_live, to_be_ended
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
    :param removed: whether its directory is removed, or is none of this machine's.
    """

    run: RunFound
    ended: list[Living] = field(default_factory=list)
    unconfirmed: list[tuple[Living, str]] = field(default_factory=list)
    problem: str = ""
    removed: bool = True

    @property
    def clean(self) -> bool:
        """Whether nothing is left of it."""
        return not self.unconfirmed and not self.problem


def targets(census: Census, named: Sequence[str]) -> list[RunFound]:
    """Return the runs that may be swept: those that are proven dead, without what they keep on purpose, or
    those that are named.

    :param named: ids that are in the census.
    """
    if named:
        return [found for found in census.runs if found.id in named]
    dead = [_without_kept(found) for found in census.runs if found.fate == "dead"]
    return [found for found in dead if found.devboxes or not _keeps(found)]


def of_devboxes(census: Census, devboxes: Sequence[str]) -> list[RunFound]:
    """Return the runs of some devboxes, with these devboxes only.

    :param devboxes: ids that are in the census.
    """
    chosen = [
        replace(run, devboxes=[box for box in run.devboxes if box.id in devboxes]) for run in census.runs
    ]
    return [run for run in chosen if run.devboxes]


def end_devboxes(found: Sequence[RunFound]) -> Iterator[Swept]:
    """End single devboxes of runs.

    :param found: the runs, with these devboxes only.
    """
    return (replace(_devboxes_ended(run), removed=False) for run in found)


def _without_kept(run: RunFound) -> RunFound:
    return replace(run, devboxes=[box for box in run.devboxes if not box.kept])


def _keeps(run: RunFound) -> bool:
    """Tell whether devboxes outlive a dead run; those of a local backend end with it."""
    return run.where != LOCAL and run.path is not None and any(kept_in(run.path))


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
        _look_again(run, run.path)
    swept = _local_ended(run) if run.where == LOCAL and run.path else _devboxes_ended(run)
    swept.removed = not _keeps(run)
    if swept.clean and may_remove and run.path and swept.removed:
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


def _look_again(run: RunFound, path: Path) -> None:
    """Add what came into the ledger after the census, and leave out what is kept since then."""
    known = {box.entry for box in run.devboxes}
    kept = kept_in(path).entries()
    run.devboxes = [box for box in run.devboxes if box.kept or box.entry not in kept]
    run.devboxes += [of_entry(entry) for entry in to_be_ended(path) if entry.key not in known]


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
    if not run.devboxes:
        return Swept(run)
    if not run.asked:
        return Swept(run, problem="its server could not be asked")
    client = _client(run)
    if client is None:
        return Swept(run, ended=run.devboxes)  # with their backend
    with contextlib.closing(client):
        outcomes = _outcomes(client, run)
    swept = Swept(run)
    for number, box in enumerate(run.devboxes):
        why = outcomes.get(number, f"no answer within {SECONDS:.0f} s")
        if why:
            swept.unconfirmed.append((box, why))
        else:
            swept.ended.append(box)
    return swept


def _outcomes(client: Runloop, run: RunFound) -> dict[int, str]:
    """End the devboxes of a run; return of each, by its place, why that failed, empty if it did not."""
    # By the run's own list: what stands in metadata anybody may have written.
    entries = {entry.key: entry for entry in ledger_in(run.path)} if run.path else {}
    outcomes: dict[int, str] = {}

    def end_one(number: int) -> None:
        box = run.devboxes[number]
        try:
            _end(client, run, box)
            if run.path:
                _forget(run.path, box, entries.get(box.entry))
            outcomes[number] = ""
        except Exception as error:
            outcomes[number] = " ".join(str(error).split())
            raise

    end_all(range(len(run.devboxes)), end_one, SECONDS)
    return outcomes


def _forget(path: Path, box: Living, entry: Entry | None) -> None:
    if entry is not None:
        ledger_in(path).strike(entry)
    if box.id:
        kept_in(path).remove(box.id)


def _client(run: RunFound) -> Runloop | None:
    """Make a client of the server that a run's devboxes are on; `None` if that has ended."""
    if run.where == LOCAL and run.path is not None:
        return backend.client_of_local_run(run.path)
    return backend.client_of_account(run.where)


def _end(client: Runloop, run: RunFound, box: Living) -> None:
    entry = Entry(box.entry, run.id, box.test, box.since_ms, box.id)
    for devbox in devboxes_of(client, entry):
        shut_down(client, devbox)
