"""Lends devboxes to tests: new ones, or pooled ones that stand ready, never more than the run may have."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import spec
from .devboxes import Devboxes
from .lease import seconds_for
from .ledger import Entry
from .pool.pool import Lease
from .restoring.restoring import Restoring
from .run import Run

if TYPE_CHECKING:
    from .. import Devbox

# What fails here is told in words. Who wants to see these frames all the same has --full-trace.
__tracebackhide__ = True


@dataclass(slots=True)
class Held:
    """A devbox in use.

    :param seconds: how long it took from the request until it ran; 0 if it stood ready.
    :param reused: whether a test before had it.
    :param lease: the slot that it fills.
    :param spec: what it was made from, if it may be handed on.
    :param unfit: why it may not be handed on, although the test is one that hands on.
    :param instead_of: which pooled one it stands for, and why that one was not handed out.
    """

    entry: Entry
    devbox: Devbox
    seconds: float
    reused: bool
    lease: Lease
    spec: str | None
    unfit: str | None = None
    instead_of: str | None = None


class Lending:
    """Lends the devboxes of a run in one of its processes.

    :param run: the run.
    :param devboxes: makes and ends them.
    """

    def __init__(self, run: Run, devboxes: Devboxes) -> None:
        self._run = run
        self._devboxes = devboxes

    @cached_property
    def _restoring(self) -> Restoring:
        return Restoring(self._run, self._devboxes.client)

    def lend(self, params: Mapping[str, Any], test: str, *, reuse: str = "never") -> Held:
        """Lend one devbox, and wait while there are as many as there may be.

        :param params: the create parameters.
        :param test: whom it is for.
        :param reuse: as the marker has it.
        :raises UnavailableError: if there is no backend, or it can never be had.
        :raises RunloopError: if the service refuses, or the devbox does not come up. Nothing is left then.
        """
        [held] = self.lend_several([params], test, reuse=reuse)
        return held

    def lend_several(
        self, wanted: Sequence[Mapping[str, Any]], test: str, *, reuse: str = "never"
    ) -> list[Held]:
        """Lend several devboxes. Their slots are taken in one step: no two tests wait for each other."""
        self._devboxes.reach()
        pooled = reuse != "never" and len(wanted) == 1
        key = spec.fingerprint(wanted[0], reuse, self._run.id) if pooled else None
        leases = self._run.pool.take(test, key, len(wanted))
        lent: list[Held] = []
        try:
            for params, lease in zip(wanted, leases, strict=True):
                lent.append(self._filled(lease, params, test, key, reset=reuse == "reset"))
        except BaseException:
            for held in lent:
                with contextlib.suppress(Exception):  # It stays in the ledger, and the slot says so.
                    self.end(held)
            for lease in leases[len(lent) :]:
                self._return(lease)
            raise
        return lent

    def _filled(
        self, lease: Lease, params: Mapping[str, Any], test: str, key: str | None, *, reset: bool
    ) -> Held:
        entry = self._run.ledger.find(lease.fits or lease.stale or "")
        why_not = self._why_not(entry, reset=reset) if entry and lease.fits else None
        if reset and entry and entry.devbox and why_not is None:
            self._devboxes.transcript.begin(entry.devbox)
        if entry and entry.devbox and lease.fits and why_not is None:
            devbox = self._devboxes.client.devbox.from_id(entry.devbox)
            self._run.journal.note("reused", id=devbox.id, test=test)
            return Held(entry, devbox, 0.0, reused=True, lease=lease, spec=key)
        if entry is not None:
            self._devboxes.end_stale(entry)
        held = self._new(lease, params, test, key)
        if reset:
            held.unfit = self._restoring.remember(held.entry, held.devbox)
            self._devboxes.transcript.begin(held.devbox.id)
        if why_not is not None and entry is not None:
            held.instead_of = f"{entry.devbox}: {why_not}"
        return held

    def _new(self, lease: Lease, params: Mapping[str, Any], test: str, key: str | None) -> Held:
        entry = self._run.ledger.intend(test, seconds_for(params, self._run.settings))
        lease.slot.write(entry=entry.key, uses=0)
        devbox, seconds = self._devboxes.boot(entry, params)
        return Held(entry, devbox, seconds, reused=False, lease=lease, spec=key)

    def _why_not(self, entry: Entry, *, reset: bool) -> str | None:
        """Make a pooled devbox ready for a test; say why it cannot be handed out, if so.

        The slot names its holder by now: should this process die, nobody takes the devbox for clean.
        """
        ailment = self._devboxes.ailment(entry, to_hand_out=True)
        if ailment is not None or not reset or entry.devbox is None:
            return ailment
        devbox = self._devboxes.client.devbox.from_id(entry.devbox)
        return self._restoring.restore(entry, devbox)

    def fate(self, held: Held) -> str | None:
        """Say how a test's own devbox ended before it was taken back; `None` if it did not.

        Of a pooled one that is found out when it is taken back.
        """
        return self._devboxes.fate(held.entry) if held.spec is None else None

    def take_back(self, held: Held) -> str | None:
        """Take a devbox back after a test: pooled ones stand ready for the next, others are ended.

        :return: why a pooled one does not stand ready, if so.
        :raises RunloopError: if the service did not confirm the end.
        """
        ailment = None if held.spec is None else self._ailment(held)
        if held.spec is None or ailment is not None:
            self.end(held)
        else:
            self._run.pool.give_back(held.lease, held.entry.key, held.spec)
        return ailment

    def _ailment(self, held: Held) -> str | None:
        survivors = self._devboxes.transcript.ailment(held.devbox.id)
        return self._devboxes.ailment(held.entry) or held.unfit or survivors

    def end(self, held: Held) -> None:
        """End a devbox, and let somebody else have its slot.

        :raises RunloopError: if the service did not confirm. It is tried again before the slot is used.
        """
        try:
            self._devboxes.end(held.entry)
        finally:
            self._return(held.lease)

    def _return(self, lease: Lease) -> None:
        """Give a slot back; a devbox that may still be in it stays named there."""
        entry = lease.slot.record.entry
        known = entry is not None and self._run.ledger.find(entry) is not None
        self._run.pool.give_back(lease, entry if known else None)

    def let_go(self, held: Held) -> None:
        """Let a slot be held by nobody who waits for another: what is in it is being put away."""
        self._run.pool.put_away(held.lease)

    def leave(self, held: Held, why: str) -> bool:
        """Let a devbox outlive its test and the run. It counts no longer against how many there may be.

        :param why: why it is kept.
        :return: whether it lives; if not, it is still to be taken back.
        """
        kept = self._devboxes.leave(held.entry, why)
        if kept:
            self._return(held.lease)
        return kept

    def keep(self, held: Held) -> None:
        """Let a devbox live until the end of the run."""
        self._run.pool.keep(held.lease, held.entry.key)
