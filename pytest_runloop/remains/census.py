"""Counts the devboxes of all runs: by the directories of this machine's, and by what the services list."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..session import backend
from ..session.choice import KEY
from ..session.ledger import ENTRY_KEY, RUN_KEY, TEST_KEY, Entry
from ..session.requests import lease_end_ms, living_of_runs
from ..session.run import kept_in, known_runs, ledger_in

if TYPE_CHECKING:
    from .. import Runloop
    from ..contract.views.devboxes import DevboxView

Fate = Literal["living", "dead", "unknown"]
"""Of a run: proven by its lock, or unknown because its directory is not on this machine."""
LOCAL = "local backend"


@dataclass(slots=True)
class Living:
    """A devbox that lives, or may live.

    :param id: `None` if it was asked for and its id never came.
    :param entry: the key of its entry in the run's ledger.
    :param status: as the service says; `None` if it does not list it, or could not be asked.
    :param since_ms: when it was made or asked for, in milliseconds since the epoch.
    :param until_ms: when its keep-alive time ends it, if nobody prolongs it; `None` if that is not known.
    :param kept: whether its run keeps it on purpose.
    """

    id: str | None
    entry: str
    test: str
    status: str | None
    since_ms: int
    until_ms: int | None = None
    kept: bool = False


@dataclass(slots=True)
class RunFound:
    """A run of which something is left.

    :param where: the server that its devboxes are on.
    :param path: its directory, if that is on this machine.
    :param asked: whether its server told what lives.
    """

    id: str
    fate: Fate
    where: str
    path: Path | None = None
    asked: bool = False
    devboxes: list[Living] = field(default_factory=list)


@dataclass(slots=True)
class Census:
    """All that was found.

    :param asked: the servers that told what lives.
    :param unasked: what could not be asked, each with the reason.
    :param failed: whether one of these is a failure, and not only a matter of what is set up here.
    """

    runs: list[RunFound] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    failed: bool = False

    def having(self, devbox: str) -> RunFound | None:
        """Return the run that a devbox is of."""
        return next((run for run in self.runs for box in run.devboxes if box.id == devbox), None)

    def find(self, run: str) -> RunFound | None:
        """Return a run by its id."""
        return next((found for found in self.runs if found.id == run), None)


def take_census(state: Path) -> Census:
    """Find all runs of this machine's state directory, and those of the account whose key is at hand.

    :param state: the state directory; nothing is written there.
    """
    census = Census([_of_this_machine(path, lives) for path, lives in known_runs(state).items()])
    for found in list(census.runs):
        if found.path is not None and found.where == LOCAL:
            _ask_local(census, found, found.path)
    _ask_accounts(census)
    for found in census.runs:
        _mark_kept(found)
    return census


def _mark_kept(found: RunFound) -> None:
    """Add what a run's directory says of the devboxes that it keeps."""
    kept = {keep.devbox: keep for keep in kept_in(found.path)} if found.path is not None else {}
    for box in found.devboxes:
        keep = kept.pop(box.id or "", None)
        if keep is not None:
            box.kept, box.until_ms = True, _ms(keep.until)
    for keep in kept.values():
        until = _ms(keep.until)
        found.devboxes.append(
            Living(keep.devbox, keep.entry, keep.test, None, keep.since_ms, until, kept=True)
        )


def _ms(moment: float | None) -> int | None:
    return None if moment is None else int(moment * 1000)


def _of_this_machine(path: Path, lives: bool) -> RunFound:
    cloud = backend.of_the_cloud(path)
    where = (backend.server_of_run(path) or "another account") if cloud else LOCAL
    found = RunFound(path.name, "living" if lives else "dead", where, path)
    if cloud:
        found.devboxes = [of_entry(entry) for entry in ledger_in(path)]
    return found


def of_entry(entry: Entry) -> Living:
    """Return what a ledger knows of a devbox."""
    return Living(entry.devbox, entry.key, entry.test, None, entry.written_ms)


def _ask_local(census: Census, found: RunFound, path: Path) -> None:
    def connect() -> Runloop | None:
        return backend.client_of_local_run(path)

    found.asked = _ask(census, f"the local backend of run {found.id}", LOCAL, connect)


def _ask_accounts(census: Census) -> None:
    """Ask the server that the environment names, and those that runs of this account were pointed at."""
    if not os.environ.get(KEY):
        census.unasked.append(f"the account, because {KEY} is not set")
        return
    runs = [found for found in census.runs if found.where != LOCAL]
    for base_url in (None, *(found.where for found in runs if "://" in found.where)):
        if base_url not in census.asked:
            _ask_account(census, base_url)
    for found in runs:
        found.asked = found.where in census.asked
    census.unasked += [
        f"the account of run {found.id}, because {KEY} is the key of another"
        for found in runs
        if "://" not in found.where
    ]


def _ask_account(census: Census, base_url: str | None) -> None:
    where = base_url or os.environ.get("RUNLOOP_BASE_URL") or "Runloop's cloud"

    def connect() -> Runloop:
        return backend.client_of_account(base_url)

    _ask(census, where, base_url, connect)


def _ask(census: Census, what: str, where: str | None, connect: Callable[[], Runloop | None]) -> bool:
    """Put what a server lists into the census; tell whether it answered, or has ended."""
    from ..client.errors import RunloopError

    try:
        client = connect()
        if client is None:
            return True
        with closing(client):
            for view in living_of_runs(client):
                _add(census, where or client.base_url, view)
            if where != LOCAL:
                census.asked.append(where or client.base_url)
            return True
    except (RunloopError, OSError, ValueError, TypeError) as error:
        census.unasked.append(f"{what}: {' '.join(str(error).split())}")
        census.failed = True
        return False


def _add(census: Census, where: str, view: DevboxView) -> None:
    """Add a devbox that a server lists, or what it says of one that the ledger knows."""
    run = view.metadata[RUN_KEY]
    found = census.find(run)
    if found is None:
        found = RunFound(run, "unknown", where, asked=True)
        census.runs.append(found)
    entry = view.metadata.get(ENTRY_KEY, "")
    known = [box for box in found.devboxes if view.id == box.id or (box.id is None and box.entry == entry)]
    found.devboxes = [box for box in found.devboxes if box not in known]
    found.devboxes.append(
        Living(
            view.id,
            entry,
            view.metadata.get(TEST_KEY, "not known"),
            view.status,
            view.create_time_ms,
            lease_end_ms(view),
        )
    )
