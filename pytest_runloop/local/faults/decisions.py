"""Decides which rules strike a call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..events import Moment
from .chance import share, whole
from .endpoints import Call, matches
from .plan import FaultPlan
from .rules import AnyRule
from .values import Span


@dataclass(frozen=True, slots=True)
class Event:
    """What rules are asked about: a call, a moment of a devbox, or the start of a command.

    :param what: the call, or the moment, or the command's text.
    :param devbox_id: the devbox that it is about.
    """

    what: Call | Moment | str
    devbox_id: str | None

    @property
    def label(self) -> str:
        """What log and gates call it. A command is not told: it may hold a secret."""
        match self.what:
            case Call():
                return self.what.endpoint
            case Moment():
                return self.what.value
        return "command"

    @property
    def request_id(self) -> str | None:
        """The idempotency key of a call that has one."""
        return self.what.request_id if isinstance(self.what, Call) else None


@dataclass(frozen=True, slots=True)
class Strike:
    """A rule that was decided to strike an event.

    :param occurrence: the how manieth event this was of what the rule counts.
    """

    rule: AnyRule
    event: Event
    occurrence: int
    seed: int
    about: tuple[object, ...]

    def pick(self, span: Span) -> int:
        """Return the number from this range that the seed picks for this strike."""
        return whole(self.seed, span.low, span.high or span.low, "pick", *self.about)


class _Counting:
    """A rule with what it has counted so far.

    The question that chance is asked holds no name and no place in the plan, nor the probability: other rules
    may come and go, and with a higher probability the same calls are struck as before, and more.
    """

    def __init__(self, rule: AnyRule, seed: int) -> None:
        self.rule = rule
        self._seed = seed
        self._kind = rule.model_dump_json(
            exclude={"name", "probability", "nth", "times"}, exclude_defaults=True
        )
        self._counted: Counter[tuple[object, ...]] = Counter()
        self._scopes: dict[str | None, int] = {}
        self._strikes = 0

    def fits(self, event: Event, names: Callable[[str], str | None]) -> bool:
        """Tell whether the rule is about this event."""
        return self._fits_what(event.what) and self._fits_devbox(event.devbox_id, names)

    def _fits_what(self, what: Call | Moment | str) -> bool:
        match what:
            case Call():
                return self.rule.calls is not None and matches(self.rule.calls, what)
            case Moment():
                return getattr(self.rule, "moment", None) is what
        pattern = getattr(self.rule, "command", None)
        return pattern is not None and fnmatchcase(what, pattern)

    def _fits_devbox(self, devbox_id: str | None, names: Callable[[str], str | None]) -> bool:
        if self.rule.devbox is None:
            return True
        return devbox_id is not None and any(
            fnmatchcase(text, self.rule.devbox) for text in (devbox_id, names(devbox_id)) if text
        )

    def count(self, event: Event) -> Strike | None:
        """Count an event that fits, and return the strike if it is to be struck."""
        scope = self._scope(event)
        occurrence = self._next(scope)
        # Chance goes by the endpoint's own count, so that calls of other endpoints in between change nothing.
        about = (self._kind, event.label, scope, self._next(scope, event.label))
        if self.rule.nth is not None and occurrence not in self.rule.nth:
            return None
        if share(self._seed, "strike", *about) >= self.rule.probability:
            return None
        if self.rule.times is not None and self._strikes >= self.rule.times:
            return None
        self._strikes += 1
        return Strike(self.rule, event, occurrence, self._seed, about)

    def _scope(self, event: Event) -> int:
        # By order of appearance: ids and keys are random, and differ in each run.
        if self.rule.per == "all":
            return 0
        if self.rule.per == "request" and event.request_id is None:
            return -self._next("request without a key")
        key = event.devbox_id if self.rule.per == "devbox" else event.request_id
        return self._scopes.setdefault(key, len(self._scopes))

    def _next(self, *key: object) -> int:
        self._counted[key] += 1
        return self._counted[key]


class Decisions:
    """The rules of a plan with their counts.

    :param plan: the plan.
    :param names: gives the name of a devbox by its id.
    """

    def __init__(self, plan: FaultPlan, names: Callable[[str], str | None]) -> None:
        self._names = names
        self._rules: dict[str, _Counting] = {}
        self.follow(plan)

    def follow(self, plan: FaultPlan) -> None:
        """Go by another plan. Rules that it shares with the one before go on counting."""
        before = self._rules
        self._rules = {
            rule.name: before[rule.name]
            if rule.name in before and before[rule.name].rule == rule
            else _Counting(rule, plan.seed)
            for rule in plan.rules
        }

    def strikes(self, event: Event) -> list[Strike]:
        """Return what strikes this event, in the plan's order. Every rule that fits counts it."""
        fitting = [rule for rule in self._rules.values() if rule.fits(event, self._names)]
        return [strike for strike in (rule.count(event) for rule in fitting) if strike is not None]
