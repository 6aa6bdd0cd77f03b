"""Lends devboxes to tests: new ones, or pooled ones that stand ready, never more than the run may have."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import spec
from .devboxes import Devboxes
from .lease import seconds_for
from .ledger import Entry
from .pool.pool import Lease
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
    """

    entry: Entry
    devbox: Devbox
    seconds: float
    reused: bool
    lease: Lease
    spec: str | None


class Lending:
    """Lends the devboxes of a run in one of its processes.

    :param run: the run.
    :param devboxes: makes and ends them.
    """

    def __init__(self, run: Run, devboxes: Devboxes) -> None:
        self._run = run
        self._devboxes = devboxes

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
                lent.append(self._filled(lease, params, test, key))
        except BaseException:
            for held in lent:
                with contextlib.suppress(Exception):  # It stays in the ledger, and the slot says so.
                    self.end(held)
            for lease in leases[len(lent) :]:
                self._return(lease)
            raise
        return lent

    def _filled(self, lease: Lease, params: Mapping[str, Any], test: str, key: str | None) -> Held:
        ready = self._ready(lease, key)
        if ready is not None:
            return ready
        entry = self._run.ledger.intend(test, seconds_for(params, self._run.settings))
        lease.slot.write(entry=entry.key, uses=0)
        devbox, seconds = self._devboxes.boot(entry, params)
        return Held(entry, devbox, seconds, reused=False, lease=lease, spec=key)

    def _ready(self, lease: Lease, key: str | None) -> Held | None:
        """Return the devbox in a slot if it fits and is well; whatever else is in it is ended."""
        entry = self._run.ledger.find(lease.fits or lease.stale or "")
        if entry is None:
            return None
        if lease.fits is not None and self._devboxes.ailment(entry) is None:
            assert entry.devbox is not None
            devbox = self._devboxes.client.devbox.from_id(entry.devbox)
            return Held(entry, devbox, 0.0, reused=True, lease=lease, spec=key)
        self._devboxes.end(entry)
        return None

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
        ailment = None if held.spec is None else self._devboxes.ailment(held.entry)
        if held.spec is None or ailment is not None:
            self.end(held)
        else:
            self._run.pool.give_back(held.lease, held.entry.key, held.spec)
        return ailment

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

    def keep(self, held: Held) -> None:
        """Let a devbox live until the end of the run."""
        self._run.pool.keep(held.lease, held.entry.key)
