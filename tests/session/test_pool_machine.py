"""Any order of lending, resetting, giving back, dying and expiring, by real processes: what always holds."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pytest_runloop.session.ledger import ENTRY_KEY
from pytest_runloop.session.run import LEDGER

from .holder import Request, hold

PATIENCE = 60
EXAMPLES = int(os.environ.get("POOL_EXAMPLES", "8"))
STEPS = 50
PEACE = 6
"""So many steps come between two misfortunes: else no devbox lives to be used twice."""
MOST = 5
"""So many processes at once."""
WANTED = st.sampled_from(
    [*[("python", "reset")] * 4, ("python", "shared"), ("python", "never"), ("rust", "reset")]
)
"""Names of devboxes, and ways to reuse them; one is wanted often, so that what stands ready fits."""
WHICH = st.integers(0, 239)
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.session.holder"])


@dataclass(slots=True, eq=False)
class Box:
    """A devbox of the service.

    :param entry: its key in the ledger.
    :param way: how whoever asked for it reuses devboxes.
    :param soiled: whether a test had it since it was made, or reset.
    :param user: the process whose test has it.
    :param abandoned: whether a process died that had it, or was about to.
    :param ended: at which step it ended.
    """

    id: str
    entry: str
    name: str
    way: str
    soiled: bool = False
    user: Holder | None = None
    abandoned: bool = False
    ended: int | None = None

    @property
    def view(self) -> dict[str, Any]:
        """What the service says of it."""
        return {
            "id": self.id,
            "name": self.name,
            "status": "running" if self.ended is None else "shutdown",
            "metadata": {ENTRY_KEY: self.entry},
            "create_time_ms": int(time.time() * 1000),
        }


@dataclass(slots=True, eq=False)
class Holder:
    """A process, and how far it is.

    :param asks: what it waits for the service to do.
    :param has: the devbox that its test has.
    :param looked: at which step it learned last that a devbox lives.
    """

    process: Any
    pipe: Any
    name: str
    way: str
    asks: Request | None = None
    has: Box | None = None
    looked: int = -1


class PoolMachine(RuleBasedStateMachine):
    """Processes that wait for a slot, are lent a devbox, have one or give it back, and their service."""

    def __init__(self) -> None:
        super().__init__()
        self._place = tempfile.TemporaryDirectory(prefix="rl-")
        self._run = Path(self._place.name)
        self._boxes: dict[str, Box] = {}
        self._in_line: list[Holder] = []
        self._served: list[Holder] = []
        self._step = 0
        self._peace = 0

    @initialize(limit=st.integers(1, 3))
    def begin(self, limit: int) -> None:
        """Decide on the cap."""
        self._limit = limit

    @rule(which=WHICH, wanted=WANTED, clean=st.booleans(), further=st.booleans())
    def go_on(self, which: int, wanted: tuple[str, str], clean: bool, further: bool) -> None:
        """Let a process get what it waits for, a test be over, or somebody queue up.

        :param clean: whether a reset succeeds.
        :param further: answer until the process waits for nothing any more.
        """
        crowded = len(self._in_line) + len(self._served) >= MOST
        if not self._served or not (crowded or which % 4):
            self._queue_up(wanted)
            return
        holder = self._served[which % len(self._served)]
        if holder.asks is None:
            self._let_go(holder)
            holder.pipe.send("give back")
            self._listen(holder)
        while holder.asks is not None:
            holder.pipe.send(self._carry_out(holder, clean))
            self._listen(holder)
            if not further:
                break

    @precondition(lambda self: self._peace > PEACE and (self._in_line or self._served))
    @rule(which=WHICH, carried_out=st.booleans())
    def die(self, which: int, carried_out: bool) -> None:
        """Kill a process, whatever it is at; what it has asked for may be carried out all the same."""
        self._peace = 0
        everybody = [*self._in_line, *self._served]
        holder = everybody[which % len(everybody)]
        if holder.asks is not None and carried_out:
            self._carry_out(holder, clean=True)
        box = holder.has or self._boxes.get(holder.asks.devbox if holder.asks else "")
        if box is not None:
            box.abandoned = True
        self._let_go(holder)
        holder.process.kill()
        self._over(holder)

    @precondition(lambda self: self._peace > PEACE and self._living())
    @rule(which=WHICH)
    def expire(self, which: int) -> None:
        """Let a devbox end by itself, whoever has it."""
        self._peace = 0
        living = self._living()
        living[which % len(living)].ended = self._now()

    @invariant()
    def never_more_than_the_cap_allows_and_all_of_them_written_down(self) -> None:
        """Look at the service."""
        self._peace += 1
        living = self._living()
        assert not living or len(living) <= self._limit
        assert all((self._run / LEDGER / f"{box.entry}.json").exists() for box in living)

    def _queue_up(self, wanted: tuple[str, str]) -> None:
        """Ask for a devbox; if no slot is free, wait in line."""
        ours, theirs = _FORKS.Pipe()
        process = _FORKS.Process(target=hold, args=(self._run, self._limit, theirs), daemon=True)
        process.start()
        theirs.close()
        ours.send(wanted)
        self._in_line.append(Holder(process, ours, *wanted))
        self._serve()
        assert not wait([holder.pipe for holder in self._in_line], 0.05), "one got a slot over the cap"

    def _serve(self) -> None:
        """Somebody in line gets a slot if one is free: then they ask for something."""
        while self._in_line and len(self._served) < self._limit:
            speaking = wait([holder.pipe for holder in self._in_line], PATIENCE)
            assert speaking, "they wait although a slot is free"
            holder = next(holder for holder in self._in_line if holder.pipe in speaking)
            self._in_line.remove(holder)
            self._served.append(holder)
            self._listen(holder)

    def _listen(self, holder: Holder) -> None:
        """Hear what a process says next. Nothing else than the service holds it up."""
        assert holder.pipe.poll(PATIENCE), "it says nothing"
        holder.asks = None
        said: Request = holder.pipe.recv()
        if said.what == "lent":
            self._lent(holder, self._boxes[said.devbox])
        elif said.what == "gone":
            self._over(holder)
        else:
            holder.asks = said

    def _lent(self, holder: Holder, box: Box) -> None:
        assert box.user is None, "two have it"
        assert (box.name, box.way) == (holder.name, holder.way), "it is not what was asked for"
        assert not box.abandoned, "nobody knows what it is like"
        assert not box.soiled or holder.way == "shared", "it is not clean"
        assert box.ended is None or box.ended > holder.looked, "it has ended, and that could be seen"
        box.user, box.soiled, holder.has = holder, True, box

    def _carry_out(self, holder: Holder, clean: bool) -> Any:
        request = holder.asks
        assert request is not None
        if request.what == "list":
            return [box.view for box in self._boxes.values()]
        if request.what == "create":
            return self._created(holder, request).view
        box = self._boxes[request.devbox]
        if request.what == "reset":
            return self._reset(holder, box, clean)
        if request.what == "end":
            assert box.user is None, "a test has it"
            box.ended = box.ended or self._now()
        elif box.ended is None:
            holder.looked = self._now()
        return box.view

    def _created(self, holder: Holder, request: Request) -> Box:
        box = Box(f"dbx_{len(self._boxes)}", request.entry, request.name, holder.way)
        self._boxes[box.id] = box
        holder.looked = self._now()
        return box

    def _reset(self, holder: Holder, box: Box, clean: bool) -> bool:
        assert box.user is None, "a test has it"
        if box.ended is not None or not clean:
            return False
        box.soiled = False
        holder.looked = self._now()
        return True

    def _let_go(self, holder: Holder) -> None:
        if holder.has is not None:
            holder.has.user = None
        holder.has = None

    def _over(self, holder: Holder) -> None:
        holder.process.join(PATIENCE)
        holder.pipe.close()
        for where in (self._in_line, self._served):
            if holder in where:
                where.remove(holder)
        self._serve()

    def _now(self) -> int:
        self._step += 1
        return self._step

    def _living(self) -> list[Box]:
        return [box for box in self._boxes.values() if box.ended is None]

    def teardown(self) -> None:
        """End everybody."""
        for holder in [*self._in_line, *self._served]:
            holder.process.kill()
            holder.process.join(PATIENCE)
            holder.pipe.close()
        self._place.cleanup()


# To shrink what fails takes many more processes, and minutes: the steps that are printed are few enough.
PoolMachine.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, phases=[Phase.reuse, Phase.generate]
)
test_no_order_of_events_breaks_the_pool = PoolMachine.TestCase
