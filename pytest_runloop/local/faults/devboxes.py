"""What happens to devboxes themselves: how long the steps of their life take, and what they die of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial

from ..clock import Timer
from ..events import Death, EndDevbox, EvictDevbox, Moment
from . import rules
from .decisions import Event, Strike
from .injector import Injector


class FaultyDevboxes:
    """The events of a backend with a plan."""

    def __init__(self, injector: Injector) -> None:
        self._injector = injector
        self._end: EndDevbox | None = None
        self._evict: EvictDevbox | None = None
        self._booted_at: dict[str, float] = {}
        self._coming: defaultdict[str, list[Timer]] = defaultdict(list)

    def on_death(self, end: EndDevbox) -> None:
        """Say how a devbox is ended."""
        self._end = end

    def on_eviction(self, evict: EvictDevbox) -> None:
        """Say how a devbox is evicted."""
        self._evict = evict

    def created(self, devbox_id: str, name: str | None) -> None:
        """A devbox was asked for; its boot begins."""
        if name:
            # Kept after its end: a shutdown that is asked for again is still a call of that name.
            self._injector.devbox_names[devbox_id] = name
        self._booted_at[devbox_id] = self._now() + self._injector.boots.begin()

    async def at(self, devbox_id: str, moment: Moment) -> None:
        """A devbox is at a step of its life; the step may be shown as done when this returns."""
        await self._strike(Event(moment, devbox_id))
        await self._injector.pause(self._time_of(devbox_id, moment))

    def _time_of(self, devbox_id: str, moment: Moment) -> float:
        if moment is Moment.BOOT:
            return self._booted_at.pop(devbox_id, 0.0) - self._now()
        times = self._injector.plan
        return {
            Moment.SUSPEND: times.suspend,
            Moment.RESUME: times.resume,
            Moment.SNAPSHOT: times.snapshot,
            Moment.SHUTDOWN: times.shutdown,
        }.get(moment, 0.0)

    def _now(self) -> float:
        return self._injector.clock.now_ms() / 1000

    async def command(self, devbox_id: str, command: str) -> None:
        """A command is about to start. The devbox may be dead when this returns."""
        await self._strike(Event(command, devbox_id))

    async def _strike(self, event: Event) -> None:
        for strike in self._injector.strikes(event):
            await self.carry_out(strike)

    async def carry_out(self, strike: Strike) -> None:
        """Delay, hold, kill or evict what a strike is about."""
        match strike.rule:
            case rules.Delay() as rule:
                self._injector.record(strike, by=rule.by)
                await self._injector.pause(rule.by)
            case rules.Gate():
                self._injector.record(strike)
                await self._injector.hold(strike)
            case rules.Die() as rule if (devbox_id := strike.event.devbox_id) is not None:
                self._happen(devbox_id, rule.later, partial(self._end_now, strike, rule, devbox_id))
            case rules.Evict() as rule if (devbox_id := strike.event.devbox_id) is not None:
                self._happen(devbox_id, rule.later, partial(self._evict_now, strike, rule, devbox_id))

    def _happen(self, devbox_id: str, later: float, what: Callable[[], None]) -> None:
        if later:
            self._coming[devbox_id].append(self._injector.clock.call_later(later, what))
        else:
            what()

    def _end_now(self, strike: Strike, rule: rules.Die, devbox_id: str) -> None:
        if self._end is None:
            raise RuntimeError("call on_death before a devbox is created")
        if self._end(devbox_id, Death(rules.REASONS[rule.reason], rule.reason)):
            self._injector.record(strike, reason=rule.reason)

    def _evict_now(self, strike: Strike, rule: rules.Evict, devbox_id: str) -> None:
        if self._evict is None:
            raise RuntimeError("call on_eviction before a devbox is created")
        if self._evict(devbox_id, rule.notice):
            self._injector.record(strike, notice=rule.notice)

    def ended(self, devbox_id: str) -> None:
        """A devbox ended, of whatever; nothing more will happen to it."""
        self._booted_at.pop(devbox_id, None)
        for timer in self._coming.pop(devbox_id, ()):
            timer.cancel()

    def forget(self) -> None:
        """Take back every death and eviction that has not happened yet. What is announced stays so."""
        for timers in self._coming.values():
            for timer in timers:
                timer.cancel()
        self._coming.clear()
