"""Ends what is left: of this run when it ends, of runs that died when the next one starts."""

from __future__ import annotations

import contextlib
import shutil
import threading
from pathlib import Path

from . import backend, server
from .ending import end, end_all
from .errors import UnavailableError
from .journal import Journal
from .ledger import Entry
from .run import Run, dead_runs, journal_in, kept_in, ledger_in, members_live, spared, to_be_ended

SECONDS = 8.0
SECONDS_AFTER_INTERRUPT = 3.0
"""CI systems kill a few seconds after they interrupt."""


def own(run: Run, *, interrupted: bool) -> list[Entry]:
    """End every devbox that this run still has.

    :return: those whose end nobody confirmed.
    """
    running = server.load(run.path / "backend.json")
    with contextlib.suppress(KeyboardInterrupt):  # somebody cannot wait: what is left is told at once
        if running is not None and not list(run.kept):
            server.stop(running)
        else:  # or they live in a local backend that must not end yet
            _end_entries(run, SECONDS_AFTER_INTERRUPT if interrupted else SECONDS)
    # The local backend ends when the run's lock is given up, if it has not yet, and its devboxes with it.
    return list(run.ledger) if running is None else []


def _end_entries(run: Run, seconds: float) -> None:
    entries = list(to_be_ended(run.path))
    if not entries:
        return
    try:
        client = backend.connect(run, quick=True)
    except UnavailableError:
        return
    try:
        end_all(entries, lambda entry: end(client, run.ledger, entry), seconds)
    finally:
        client.close()


class OfDeadRuns:
    """Ends, in the background, the devboxes of runs that died without doing so.

    :param own: the directory of this run.
    """

    def __init__(self, own: Path) -> None:
        self._own = own
        self._thread = threading.Thread(target=self._sweep, daemon=True, name="runloop-sweep")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for its end, but not for long: what it does not manage the next run does."""
        self._thread.join(seconds)

    def _sweep(self) -> None:
        try:
            with dead_runs(self._own.parent.parent, self._own) as paths:
                for path in paths:
                    _clear(path, journal_in(self._own))
        except Exception:  # the dead must not trouble the living
            return


def _clear(path: Path, journal: Journal) -> None:
    with contextlib.suppress(Exception):  # one that cannot be cleared must not keep the others
        if _cleared(path, journal):
            shutil.rmtree(path, ignore_errors=True)


def _cleared(path: Path, journal: Journal) -> bool:
    """End the devboxes of a dead run; tell whether none is left.

    :param journal: of the run that does it.
    """
    if not backend.of_the_cloud(path):
        return not backend.lives(
            path
        )  # it hung on the lock, and ended with it unless devboxes outlive the run
    more_may_come = members_live(path)
    entries = list(to_be_ended(path))
    if not entries:
        return not more_may_come and not list(kept_in(path))
    client = backend.client_of_dead_run(path)
    if client is None:
        return False

    def ended(entry: Entry) -> None:
        if not spared(path, entry):  # A worker may live still, and keep it.
            end(client, ledger_in(path), entry)
            journal.note("swept", id=entry.devbox, run=path.name)

    try:
        end_all(entries, ended, SECONDS)
    finally:
        client.close()
    return not list(ledger_in(path)) and not more_may_come and not list(kept_in(path))
