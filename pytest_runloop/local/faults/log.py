"""What was really done to calls and devboxes, numbered, for tests to look at."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import count
from typing import Any

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault that happened.

    :param number: rises by one with each fault, from 1, for as long as the server lives.
    :param fault: the kind of fault.
    :param rule: the name of the rule that wanted it.
    :param endpoint: the call, or `boot` and the like, or `command`.
    :param occurrence: the how manieth this was of what the rule counts.
    :param devbox_id: the devbox that it was about.
    :param request_id: the call's `x-request-id`.
    :param detail: what is special to the fault: `status`, `at`, `reason`, `when`.
    :param time_ms: when, in milliseconds since the epoch.
    """

    number: int
    fault: str
    rule: str
    endpoint: str
    occurrence: int
    devbox_id: str | None = None
    request_id: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    time_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)


class FaultLog:
    """The last 10,000 faults, and how many there were of each rule."""

    def __init__(self) -> None:
        self._entries: deque[Injected] = deque(maxlen=_KEPT)
        self._numbers = count(1)
        self.last = 0
        """The number of the newest fault; 0 before the first."""
        self.by_rule: Counter[str] = Counter()

    def add(self, **what: Any) -> None:
        """Write down a fault; takes the fields of `Injected` but its number."""
        entry = Injected(number=next(self._numbers), **what)
        self.last = entry.number
        self.by_rule[entry.rule] += 1
        self._entries.append(entry)

    def after(self, number: int) -> list[Injected]:
        """Return the faults with higher numbers than this, oldest first."""
        return [entry for entry in self._entries if entry.number > number]
