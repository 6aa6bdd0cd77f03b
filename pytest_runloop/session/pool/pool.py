"""Hands out the right to have devboxes, and the devboxes that stand ready, to all processes of a run."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UnavailableError
from .line import Line
from .slots import Holder, Record, Slot, Slots


@dataclass(slots=True)
class Lease:
    """A slot in somebody's hands.

    :param fits: the key of the ledger's entry of a devbox that stands ready, of the specification asked for.
    :param stale: the key of the entry of a devbox that must be ended before another is made.
    """

    slot: Slot
    fits: str | None = None
    stale: str | None = None


class Pool:
    """The slots of a run.

    :param folder: where their files lie; made if need be.
    :param limit: how many devboxes there may be at once; `None` for as many as are asked for.
    :param worker: what this process is called in messages.
    """

    def __init__(self, folder: Path, limit: int | None, worker: str) -> None:
        for part in ("slots", "line"):
            (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._slots = Slots(folder / "slots", limit)
        self._line = Line(folder / "line")
        self._worker = worker

    def take(self, test: str, spec: str | None = None, count: int = 1) -> list[Lease]:
        """Take slots, all or none, and wait for them if need be.

        :param test: whom they are for.
        :param spec: what the devboxes will be made from, if one that stands ready will do.
        :param count: how many.
        :raises UnavailableError: if they can never be had.
        """
        holder = Holder(test, self._worker)
        circle: list[Holder] = []
        with self._line.place() as place:
            while True:
                if place.is_first():
                    leases = self._taken(holder, spec, count)
                    if leases is not None:
                        return leases
                    circle = self._refuse_the_impossible(count, circle)
                place.wait()

    def _taken(self, holder: Holder, spec: str | None, count: int) -> list[Lease] | None:
        # What is read before a slot is locked only says where to begin: to lock them all takes longest.
        slots = sorted(self._slots.candidates(count), key=lambda slot: _preference(slot.read(), spec))
        leases = list[Lease]()
        try:
            free = (slot for slot in slots if slot.seized() and not slot.record.lasting)
            chosen = list(itertools.islice(free, count))
            if len(chosen) == count:
                leases = [_leased(slot, holder, spec) for slot in chosen]
            return leases or None
        finally:  # whatever interrupts this, nobody is to wait for what nobody has
            had = {lease.slot.number for lease in leases}
            for slot in slots:
                if slot.number not in had:
                    slot.release()

    def give_back(self, lease: Lease, entry: str | None = None, spec: str | None = None) -> None:
        """Give a slot back.

        :param entry: the key of the entry of the devbox that is in it, if there is one.
        :param spec: what it was made from, if it may be handed out as it is.
        """
        uses = lease.slot.record.uses + 1 if entry else 0
        try:
            lease.slot.write(entry=entry, spec=spec, holder=None, uses=uses, idle_since=time.monotonic())
        finally:  # what could not be written down is dirty: its holder is still named
            lease.slot.release()
            self._line.ring()

    def put_away(self, lease: Lease) -> None:
        """Let no thread be the one that holds a slot: else its next wait would seem to be for itself."""
        holder = lease.slot.record.holder
        if holder is not None:
            lease.slot.write(holder=replace(holder, thread=0))

    def keep(self, lease: Lease, entry: str) -> None:
        """Let a slot be in use until the end of the run, whatever becomes of this process."""
        lease.slot.write(entry=entry, spec=None, lasting=True)
        lease.slot.release()

    def lasting(self) -> Iterator[str]:
        """Yield the keys of the entries of devboxes whose slots are in use until the end of the run."""
        for slot in self._slots:
            record = slot.read()
            if record.lasting and record.entry is not None:
                yield record.entry

    def holders(self) -> Iterator[Holder]:
        """Yield those who have a slot at this moment, or had it when they died."""
        for slot in self._slots:
            holder = slot.read().holder
            if holder is not None:
                yield holder

    def longest_wait(self) -> float:
        """Return for how many seconds the first in the line has waited; 0 if nobody does."""
        return self._line.longest()

    def _refuse_the_impossible(self, count: int, circle: list[Holder]) -> list[Holder]:
        """Refuse what can never be had.

        :param circle: who held the slots when they all seemed to wait for each other, a look ago.
        :return: the same of this look. Slots and line are not read in one moment, and somebody who gives a
            slot back and queues up again seems to do both: what is the same in two looks is true.
        """
        limit = self._slots.limit
        if limit is None:
            return []
        records = [slot.read() for slot in self._slots]
        lasting = [record.holder for record in records if record.lasting]
        if count > limit - len(lasting):
            raise UnavailableError(_too_many(count, limit, [str(holder) for holder in lasting]))
        waiting = self._line.waiting()
        holders = [record.holder for record in records if record.holder is not None and not record.lasting]
        stuck = all((holder.process, holder.thread) in waiting for holder in holders)
        if not stuck or len(holders) + len(lasting) + count <= limit:
            return []
        if holders == circle:
            raise UnavailableError(_in_a_circle(limit, [str(holder) for holder in holders]))
        return holders


def _preference(record: Record, spec: str | None) -> tuple[int, float]:
    """Order free slots: what fits, then what the dead left, then empty ones, then what idled longest."""
    if record.holder is not None:
        return 1, 0.0
    if record.entry is None:
        return 2, 0.0
    if spec is not None and record.spec == spec:
        return 0, -record.idle_since
    return 3, record.idle_since


def _leased(slot: Slot, holder: Holder, spec: str | None) -> Lease:
    clean = slot.record.holder is None and spec is not None and slot.record.spec == spec
    entry = slot.record.entry
    # While it is in use it is nobody's to hand out: should its holder die, it is found with a name in it.
    slot.write(holder=holder, spec=None)
    return Lease(slot, fits=entry if clean else None, stale=None if clean else entry)


def _too_many(count: int, limit: int, lasting: list[str]) -> str:
    wanted = "A devbox is" if count == 1 else f"{count} devboxes are"
    used = (
        f", and {len(lasting)} of them lasts until the end of the run: {'; '.join(lasting)}"
        if lasting
        else ""
    )
    return f"{wanted} wanted at once, but --runloop-max-devboxes allows {limit}{used}. Allow more of them."


def _in_a_circle(limit: int, holders: list[str]) -> str:
    return (
        f"This would wait forever: --runloop-max-devboxes allows {limit}, and those in use are held by tests "
        f"that wait for further ones: {'; '.join(holders)}. Allow more of them, end what is not needed any "
        "more, or take what a test needs in one step: devbox_factory.several(2, ...)."
    )
