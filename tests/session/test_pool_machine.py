"""Any order of taking, giving back, dying and waiting, by real processes: what always holds for the pool."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from .holder import hold

PATIENCE = 60
SPECS = st.sampled_from(["python", "rust"])
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.session.holder"])


@dataclass(slots=True)
class Holder:
    """A process, and what it has.

    :param entry: the devbox in its slot, once it has one.
    """

    process: Any
    pipe: Any
    spec: str
    slot: int = -1
    entry: str = ""


class PoolMachine(RuleBasedStateMachine):
    """Processes that hold slots, processes that wait for one, and the devboxes that nobody holds."""

    def __init__(self) -> None:
        super().__init__()
        self._place = tempfile.TemporaryDirectory(prefix="rl-")
        self._folder = Path(self._place.name) / "pool"
        self._holders: list[Holder] = []
        self._waiting: deque[Holder] = deque()
        self._clean: dict[str, str] = {}
        self._dirty: set[str] = set()
        self._made = 0

    @initialize(limit=st.integers(1, 3))
    def begin(self, limit: int) -> None:
        """Decide on the cap."""
        self._limit = limit

    @precondition(lambda self: len(self._waiting) < 2)
    @rule(spec=SPECS)
    def take(self, spec: str) -> None:
        """Ask for a slot; if none is free, wait in line."""
        ours, theirs = _FORKS.Pipe()
        process = _FORKS.Process(target=hold, args=(self._folder, self._limit, theirs), daemon=True)
        process.start()
        theirs.close()
        ours.send(spec)
        self._waiting.append(Holder(process, ours, spec))
        if len(self._holders) < self._limit:
            self._serve()
        else:
            assert not ours.poll(0.05), "it got a slot over the cap"

    @precondition(lambda self: self._holders)
    @rule(which=st.integers(0, 2), clean=st.booleans())
    def give_back(self, which: int, clean: bool) -> None:
        """Give a slot back with its devbox: fit for another, or not."""
        holder = self._holders.pop(which % len(self._holders))
        if clean:
            self._clean[holder.entry] = holder.spec
        else:
            self._dirty.add(holder.entry)
        holder.pipe.send((holder.entry, holder.spec if clean else None))
        assert self._told(holder) == "given back"
        self._ended(holder)
        self._serve()

    @precondition(lambda self: self._holders)
    @rule(which=st.integers(0, 2))
    def die(self, which: int) -> None:
        """Kill who holds a slot. What is in it is dirty from now on."""
        holder = self._holders.pop(which % len(self._holders))
        self._dirty.add(holder.entry)
        holder.process.kill()
        self._ended(holder)
        self._serve()

    @precondition(lambda self: self._waiting)
    @rule()
    def die_in_line(self) -> None:
        """Kill the first of those who wait."""
        holder = self._waiting.popleft()
        holder.process.kill()
        self._ended(holder)

    @invariant()
    def nobody_shares_a_slot_and_the_cap_holds(self) -> None:
        """Check what must always hold."""
        slots = [holder.slot for holder in self._holders]
        assert len(set(slots)) == len(slots)
        assert all(0 <= slot < self._limit for slot in slots)

    def _serve(self) -> None:
        """Whoever is first in line gets a slot, and in it a clean devbox that fits, or one to be ended."""
        if not self._waiting:
            return
        holder = self._waiting.popleft()
        holder.slot, fits, stale = self._told(holder)
        ready = {entry for entry, spec in self._clean.items() if spec == holder.spec}
        assert (fits in ready) if ready else fits is None, (
            "a devbox that fits was not handed out, or one that does not"
        )
        assert stale is None or stale in self._dirty or stale in self._clean
        for gone in (fits, stale):
            self._clean.pop(gone, None)
            self._dirty.discard(gone)
        self._made += 1
        holder.entry = fits or f"devbox {self._made}"
        holder.pipe.send(holder.entry)
        assert self._told(holder) == "written"
        self._holders.append(holder)

    def _told(self, holder: Holder) -> Any:
        assert holder.pipe.poll(PATIENCE), "it waits although a slot is free"
        return holder.pipe.recv()

    def _ended(self, holder: Holder) -> None:
        holder.process.join(PATIENCE)
        holder.pipe.close()

    def teardown(self) -> None:
        """End everybody."""
        for holder in [*self._holders, *self._waiting]:
            holder.process.kill()
            self._ended(holder)
        self._place.cleanup()


# To shrink what fails takes many more processes, and minutes: the steps that are printed are few enough.
PoolMachine.TestCase.settings = settings(
    max_examples=12, stateful_step_count=15, deadline=None, phases=[Phase.reuse, Phase.generate]
)
test_no_order_of_events_breaks_the_pool = PoolMachine.TestCase
