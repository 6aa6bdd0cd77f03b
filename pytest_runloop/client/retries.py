"""Decides whether a failed request is repeated, and after how long. The official SDK's table."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .errors import APIConnectionError, APIError, APIStatusError

_RETRIED_STATUSES: Final = frozenset({408, 409, 429})
_LONGEST_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How requests are repeated.

    :param max_retries: how often at the most.
    :param chance: gives a number between 0 and 1, which spreads the repeats of many clients.
    :param clock: gives the time in seconds since the epoch, to which an HTTP date is compared.
    """

    max_retries: int = 5
    chance: Callable[[], float] = random.random
    clock: Callable[[], float] = time.time

    def pause(self, error: APIError, failures: int) -> float | None:
        """Return the pause before the next try in seconds, or `None` if there shall be none.

        :param error: how the last try failed.
        :param failures: how many tries failed before it.
        """
        if failures >= self.max_retries or not is_passing(error):
            return None
        return self.asked_pause(error) or self.backoff(failures)

    def asked_pause(self, error: APIError) -> float | None:
        """Return the pause that the service asked for, if it is one to be honoured."""
        if not isinstance(error, APIStatusError):
            return None
        asked = _asked(error.headers, self.clock)
        return asked if asked is not None and 0 < asked <= _LONGEST_SECONDS else None

    def backoff(self, failures: int) -> float:
        """Return the pause where the service asked for none: doubling, spread, at most a minute."""
        longest = min(2.0 ** min(failures, 16), _LONGEST_SECONDS)
        return longest * (1 - 0.25 * self.chance())


def is_passing(error: APIError) -> bool:
    """Tell whether a repeat may succeed."""
    if isinstance(error, APIConnectionError):
        return not error.gone
    if not isinstance(error, APIStatusError):
        return False
    verdict = error.headers.get("x-should-retry")
    if verdict in ("true", "false"):
        return verdict == "true"
    return error.status_code in _RETRIED_STATUSES or error.status_code >= 500


def _asked(headers: Mapping[str, str], clock: Callable[[], float]) -> float | None:
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    after = headers.get("retry-after")
    seconds = _number(after)
    if seconds is not None or after is None:
        return seconds
    try:
        return email.utils.parsedate_to_datetime(after).timestamp() - clock()
    except (ValueError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
