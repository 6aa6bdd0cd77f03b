"""Options of a single request, the same for every call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from typing_extensions import TypedDict


@dataclass(frozen=True, slots=True)
class PollingConfig:
    """How long and how often to look, while waiting for a devbox, a command, a build or a snapshot.

    :param interval_seconds: pause between two looks, in seconds, where the service has no long poll.
    :param max_attempts: how many looks at the most; with the interval it bounds the whole wait.
    :param timeout_seconds: bound of the whole wait in seconds, if it should be smaller than that.
    """

    interval_seconds: float = 1.0
    max_attempts: int = 120
    timeout_seconds: float | None = None

    @property
    def budget_seconds(self) -> float:
        """The longest time that the whole wait may take, in seconds."""
        allowed = self.interval_seconds * self.max_attempts
        return allowed if self.timeout_seconds is None else min(allowed, self.timeout_seconds)


class BaseRequestOptions(TypedDict, total=False):
    """Options of every call."""

    extra_headers: Mapping[str, str] | None
    """Further headers."""
    extra_query: Mapping[str, object] | None
    """Further query parameters."""
    extra_body: Mapping[str, object] | None
    """Further keys of the JSON body."""
    timeout: float | None
    """How long to wait for the answer, in seconds; `None` waits without end."""


class LongRequestOptions(BaseRequestOptions, total=False):
    """Options of every call that changes something."""

    idempotency_key: str | None
    """Sent as `x-request-id`; the service carries out a repeated key once."""


class PollingRequestOptions(BaseRequestOptions, total=False):
    """Options of every call that waits for a state."""

    polling_config: PollingConfig | None
    """How long and how often to look."""


class LongPollingRequestOptions(LongRequestOptions, PollingRequestOptions, total=False):
    """Options of every call that changes something and waits for the outcome."""
