"""Compares, at the end of a run, what it wrote down with what the account has."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import backend, lease, options, sweep
from .choice import choose
from .ending import end, end_all
from .evidence import snapshots
from .kept import Keep
from .ledger import Entry
from .requests import ENDED, of_run
from .run import OWNER_LOCK, Run

if TYPE_CHECKING:
    from .. import Runloop
    from ..contract.views.devboxes import DevboxView

SECONDS = 5.0
SECONDS_AFTER_INTERRUPT = 1.5
DEFAULT_LIFETIME = 3600
"""Seconds that the service lets a devbox live of which nobody said how long."""


@dataclass(slots=True)
class Unconfirmed:
    """A devbox that may live still.

    :param ends: when its lease ends it at the latest, in seconds since the epoch; `None` if it has none.
    """

    entry: Entry
    ends: float | None

    def __str__(self) -> str:
        if self.ends is None:
            return f"{self.entry}, which has no lease: end it by hand"
        return f"{self.entry}, which ends by itself at {clock(self.ends)} at the latest"


@dataclass(slots=True)
class Audit:
    """What became of a run's devboxes.

    :param created: the ids of those that the run knows to have been created.
    :param local: whether they are on a backend that ends with the run, and they with it.
    :param snapshots: how many were taken, which are kept on purpose.
    :param kept: the devboxes that outlive the run on purpose.
    :param lost: whether somebody deleted the run's directory, and with it what it had written down.
    :param unasked: why the account could not be compared; empty if it was.
    """

    created: set[str] = field(default_factory=set)
    local: bool = False
    snapshots: int = 0
    kept: list[Keep] = field(default_factory=list)
    unconfirmed: list[Unconfirmed] = field(default_factory=list)
    lost: bool = False
    unasked: str = ""

    def __str__(self) -> str:
        left = {found.entry.devbox for found in self.unconfirmed} | {keep.devbox for keep in self.kept}
        all_end = "the others end" if self.kept else "all end"
        ended = f"{all_end} with the run's own backend" if self.local else f"{len(self.created - left)} ended"
        kept = " and ".join(self._kept()) or "nothing"
        unsure = f"{len(self.unconfirmed)} NOT CONFIRMED to have ended" if self.unconfirmed else ""
        compared = f"not compared with the account ({self.unasked})" if self.unasked else ""
        told = [f"{len(self.created)} created", ended, f"{kept} kept on purpose", unsure, compared]
        return ", ".join(filter(None, told))

    def _kept(self) -> Iterator[str]:
        if self.snapshots:
            yield f"{self.snapshots} snapshot{'s' * (self.snapshots != 1)}"
        if self.kept:
            yield f"{len(self.kept)} devbox{'es' * (len(self.kept) != 1)}"


def take(run: Run, *, interrupted: bool) -> Audit:
    """End what a run still has, and look whether the account agrees that nothing is left.

    On the local backend nobody is asked: it ends with the run.
    """
    audit = Audit(lost=run.made_again())
    audit.local = choose(run.settings).kind == "local" if audit.lost else not backend.of_the_cloud(run.path)
    audit.created = {str(event["id"]) for event in run.journal.read("created")}
    audit.snapshots = sum(taken.outcome == "complete" for taken in snapshots.of_run(run.journal))
    audit.kept = list(run.kept)
    if audit.local:
        return audit
    sweep.own(run, interrupted=interrupted)
    listed: dict[str, DevboxView] = {}
    if audit.created or audit.lost or list(run.ledger):
        audit.unasked = _compare(run, listed, SECONDS_AFTER_INTERRUPT if interrupted else SECONDS)
        audit.created |= set(listed)
    audit.unconfirmed = [_unconfirmed(run, entry, listed) for entry in run.ledger]
    return audit


def _compare(run: Run, listed: dict[str, DevboxView], seconds: float) -> str:
    """Ask the account for the devboxes of a run, and put right what differs.

    :return: why that could not be done; empty if it was.
    """
    outcome = ["no answer in time"]

    def ask() -> None:
        try:
            with contextlib.closing(backend.connect(run, quick=True)) as client:
                found = {view.id: view for view in of_run(client, run.id, _since_ms(run))}
                listed.update(found)
                _put_right(run, client, found, seconds)
            outcome[0] = ""
        except Exception as error:  # it must not hide the run's own result
            outcome[0] = next(iter(str(error).splitlines()), type(error).__name__)

    # A daemon: if it hangs, it must not keep pytest from ending.
    thread = threading.Thread(target=ask, daemon=True, name="runloop-audit")
    with contextlib.suppress(KeyboardInterrupt):
        thread.start()
        thread.join(seconds)
    return outcome[0]


def _put_right(run: Run, client: Runloop, listed: dict[str, DevboxView], seconds: float) -> None:
    strays = []
    entries = {entry.devbox: entry for entry in run.ledger if entry.devbox}
    kept = {keep.devbox for keep in run.kept}
    for devbox, view in listed.items():
        entry = entries.get(devbox)
        if view.status in ENDED:
            if entry is not None:  # it ended, though the answer that said so was lost
                run.ledger.strike(entry)
        elif entry is None and devbox not in kept:  # nobody wrote it down, or not for long enough
            stray = run.ledger.intend("a devbox that the run had lost sight of")
            run.ledger.complete(stray, devbox)
            strays.append(stray)
    end_all(strays, lambda stray: end(client, run.ledger, stray), seconds)


def _since_ms(run: Run) -> int:
    return int((run.path / OWNER_LOCK).stat().st_mtime * 1000)


def _unconfirmed(run: Run, entry: Entry, listed: dict[str, DevboxView]) -> Unconfirmed:
    default = entry.lease or run.settings[options.TTL] or DEFAULT_LIFETIME
    seconds = lease.seconds_left(listed.get(entry.devbox or ""), default)
    # It may have been kept alive at any time up to now.
    return Unconfirmed(entry, None if seconds is None else time.time() + seconds)


def clock(moment: float) -> str:
    """Return a moment as this machine's clock shows it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def warnings(audit: Audit) -> Iterator[str]:
    """Yield the lines that name what may live still, and what nobody can name any more."""
    if audit.lost:
        ended = "Its backend ends with it." if audit.local else "What the account lists of it was ended."
        yield f"The run's directory was deleted while it went on, and with it what was written down. {ended}"
    if audit.unconfirmed:
        yield f"{len(audit.unconfirmed)} devbox(es) may still be running, their end was not confirmed:"
        yield from (f"    {found}" for found in audit.unconfirmed)
        yield (
            "Its watcher goes on trying to end them before that, as does the next run on this machine that "
            "uses devboxes with the same key, and `pytest-runloop sweep --yes`."
        )
