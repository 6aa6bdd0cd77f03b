"""What all parts of fault injection share: the plan in force, its decisions, log, gates and waits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from ..clock import Clock
from . import rules
from .boots import BootQueue
from .decisions import Decisions, Event, Strike
from .gates import Gate, Held
from .log import FaultLog
from .plan import FaultPlan
from .rules import AnyRule


class Injector:
    """Carries out a plan.

    :param plan: what is to go wrong.
    :param clock: what waits go by.
    """

    def __init__(self, plan: FaultPlan, clock: Clock) -> None:
        self.clock = clock
        self.log = FaultLog()
        self.gates: dict[str, Gate] = {}
        self.devbox_names: dict[str, str] = {}
        self._closed = False
        self._pauses: set[asyncio.Future[None]] = set()
        self._begin(plan)

    def _begin(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.boots = BootQueue(plan, self.clock)
        self._decisions = Decisions(plan, self.devbox_names.get)
        self._follow_gates()

    def replace(self, plan: FaultPlan) -> None:
        """Go by another plan from now on: counts begin anew, and whoever is held or waits goes on."""
        self._let_go()
        self.gates.clear()
        self._begin(plan)

    def add(self, rule: AnyRule) -> str:
        """Add a rule to the plan, beside those that go on counting, and return its name.

        :raises ValueError: if a rule has that name.
        """
        named = rule if rule.name else rule.model_copy(update={"name": self._free_name(rule)})
        if any(other.name == named.name for other in self.plan.rules):
            raise ValueError(f"there is a rule of the name `{named.name}` already")
        self._follow((*self.plan.rules, named))
        return named.name

    def remove(self, name: str) -> None:
        """Take a rule out of the plan; whoever it holds at a gate goes on.

        :raises KeyError: if no rule has that name.
        """
        rest = tuple(rule for rule in self.plan.rules if rule.name != name)
        if len(rest) == len(self.plan.rules):
            raise KeyError(name)
        self._follow(rest)

    def _free_name(self, rule: AnyRule) -> str:
        taken = {other.name for other in self.plan.rules}
        number = len([other for other in self.plan.rules if other.fault == rule.fault]) + 1
        while f"{rule.fault}{number}" in taken:
            number += 1
        return f"{rule.fault}{number}"

    def _follow(self, rules: tuple[AnyRule, ...]) -> None:
        self.plan = self.plan.model_copy(update={"rules": rules})
        self._decisions.follow(self.plan)
        self._follow_gates()

    def _follow_gates(self) -> None:
        wanted = {rule.name for rule in self.plan.rules if isinstance(rule, rules.Gate)}
        for name in self.gates.keys() - wanted:
            self.gates.pop(name).release(leave_open=True)
        for name in wanted - self.gates.keys():
            self.gates[name] = Gate()

    def strikes(self, event: Event) -> list[Strike]:
        """Count an event, and return what strikes it, in the plan's order."""
        return self._decisions.strikes(event)

    def record(self, strike: Strike, **detail: Any) -> None:
        """Write down that a strike was carried out."""
        event = strike.event
        self.log.add(
            fault=strike.rule.fault,
            rule=strike.rule.name,
            endpoint=event.label,
            occurrence=strike.occurrence,
            devbox_id=event.devbox_id,
            request_id=event.request_id,
            detail=detail,
        )

    async def hold(self, strike: Strike) -> None:
        """Hold an event at the gate of a rule. A rule that was taken away holds nobody."""
        gate = self.gates.get(strike.rule.name)
        if gate is not None and not self._closed:
            event = strike.event
            await gate.hold(Held(event.label, strike.occurrence, event.devbox_id, event.request_id))

    async def pause(self, seconds: float | None, until: Coroutine[Any, Any, None] | None = None) -> None:
        """Wait, but never longer than until another plan comes, or `close`.

        :param seconds: how long; `None` for no end of its own.
        :param until: what ends the wait earlier.
        """
        if self._closed or (seconds is not None and seconds <= 0):
            if until is not None:
                until.close()
            return
        over = asyncio.get_running_loop().create_future()
        timer = None if seconds is None else self.clock.call_later(seconds, lambda: _resolve(over))
        earlier = None if until is None else asyncio.ensure_future(until)
        if earlier is not None:
            earlier.add_done_callback(lambda _: _resolve(over))
        self._pauses.add(over)
        try:
            await over
        finally:
            self._pauses.discard(over)
            if timer is not None:
                timer.cancel()
            if earlier is not None:
                earlier.cancel()

    def close(self) -> None:
        """End every wait and open every gate, now and from now on."""
        self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        for pause in self._pauses:
            _resolve(pause)
        for gate in self.gates.values():
            gate.release(leave_open=True)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
