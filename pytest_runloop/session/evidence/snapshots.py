"""Snapshots of tests' devboxes: begun, waited for, and told from the run's journal."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..failures import refused
from ..journal import Journal

if TYPE_CHECKING:
    from ... import Runloop
    from ..run import Run

Outcome = Literal["complete", "failed", "late"]
NAME_LONGEST, MESSAGE_LONGEST = 80, 1000
"""Characters of a snapshot's name, and of its message, where the API sets the limit."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0


@dataclass(slots=True)
class Taken:
    """A snapshot of a test's devbox, as the run's journal has it.

    :param until: how long it is waited for, in seconds since the epoch.
    :param outcome: `None` if nobody waited for its end.
    :param why: of one that failed or took too long: the reason.
    """

    id: str
    devbox: str
    test: str
    until: float
    outcome: Outcome | None = None
    why: str = ""

    @property
    def late(self) -> str:
        """Why its devbox is kept, if it took too long."""
        return f"snapshot {self.id}: {self.why}"


def begin(
    client: Runloop, run: Run, taken_of: str, test: str, about: Mapping[str, str], limit: float
) -> Taken:
    """Begin a snapshot.

    :param taken_of: the devbox's id.
    :param about: its metadata.
    :param limit: how many seconds it may take.
    :raises RunloopError: if it is refused.
    """
    snapshot = client.devbox.from_id(taken_of).snapshot_disk_async(
        name=test[-NAME_LONGEST:], commit_message=test[:MESSAGE_LONGEST], metadata=about
    )
    taken = Taken(snapshot.id, taken_of, test, time.time() + limit)
    run.journal.note("snapshot", id=taken.id, devbox=taken_of, test=test, until=taken.until)
    return taken


def settled(client: Runloop, journal: Journal, taken: Taken, over: threading.Event) -> Taken:
    """Wait for the end of a snapshot, and note it down.

    :param over: set when nobody waits any longer; the outcome stays `None` then.
    """
    pause = _FIRST_PAUSE
    while not over.is_set():
        taken.outcome, taken.why = _look(client, taken)
        if taken.outcome is not None:
            journal.note("snapshot_end", id=taken.id, outcome=taken.outcome, why=taken.why)
            break
        over.wait(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    return taken


def _look(client: Runloop, taken: Taken) -> tuple[Outcome | None, str]:
    """Look once how far a snapshot is."""
    problem = ""
    try:
        view = client.snapshot.from_id(taken.id).get_info()
        if view.status == "complete":
            return "complete", ""
        if view.status in ("error", "deleted"):
            return "failed", view.error_message or f"its status is `{view.status}`"
    except Exception as error:  # a bad moment of the service; a refusal stays one
        if refused(error):
            return "failed", _line(error)
        problem = f"; the service said: {_line(error)}"
    return ("late", f"it was not complete in time{problem}") if time.time() > taken.until else (None, "")


def of_run(journal: Journal) -> list[Taken]:
    """Return the snapshots of a run, in order; without those that were dropped."""
    ends = {event["id"]: event for event in journal.read("snapshot_end")}
    dropped = {event["id"] for event in journal.read("snapshot_dropped")}
    found = []
    for event in journal.read("snapshot"):
        if event["id"] not in dropped:
            end = ends.get(event["id"], {})
            known = (event["id"], event["devbox"], event["test"], event["until"])
            found.append(Taken(*known, end.get("outcome"), end.get("why", "")))
    return found


def drop(client: Runloop, journal: Journal, taken: Taken) -> None:
    """Delete a snapshot that another one takes the place of.

    :raises RunloopError: if the service does not do it.
    """
    client.snapshot.from_id(taken.id).delete()
    journal.note("snapshot_dropped", id=taken.id)


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
