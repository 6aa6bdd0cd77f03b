# Generated from ../_async/waiting.py by scripts/unasync.py: change that file, and run the script.
"""Waits by long polls: the service holds each request until there is news or its time is up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from ...contract.endpoint import Endpoint
from ...contract.views.base import View
from ..concurrency import sleep
from ..errors import APIError, APIStatusError, APITimeoutError, hide_from_traceback
from ..polling import Budget, Pacer
from ..retries import is_passing
from .transport import Transport

__tracebackhide__ = hide_from_traceback

V = TypeVar("V", bound=View)

_GRACE_SECONDS: Final = 5.0
"""How much longer than the hold the answer may take."""
_SHORTEST_HOLD_SECONDS: Final = 0.05


class LongPoll:
    """One wait.

    :param transport: the client's.
    :param endpoint: the call that is held.
    :param path: its path parameters.
    :param statuses: what is waited for.
    :param longest_hold: how long the service holds a request at the most, in seconds.
    :param options: options for each request.
    """

    def __init__(
        self,
        transport: Transport,
        endpoint: Endpoint[V],
        path: Mapping[str, str],
        statuses: list[str],
        longest_hold: float,
        options: Mapping[str, Any],
    ) -> None:
        self._transport = transport
        self._endpoint = endpoint
        self._path = path
        self._statuses = statuses
        self._longest_hold = longest_hold
        self._options = options
        self._failures = 0

    def result(self, budget: Budget, done: Callable[[Any], bool]) -> tuple[Any, bool]:
        """Wait, and return what the service told last, and whether that was what was waited for.

        :param budget: how long to wait.
        :param done: tells whether a view is what was waited for.
        :raises APIError: if the wait fails for another reason than time.
        """
        pacer = Pacer()
        last = None
        while True:
            before = budget.spent
            view = self._look(budget)
            last = view or last
            if view is not None and done(view):
                return view, True
            if budget.over:
                return last, False
            pause = pacer.pause_after(budget.spent - before)
            if pause:
                sleep(min(pause, budget.left))

    def _look(self, budget: Budget) -> Any:
        hold = max(_SHORTEST_HOLD_SECONDS, min(budget.left, self._longest_hold))
        values = {
            "statuses": self._statuses,
            "timeout_seconds": hold,
            "timeout": hold + _GRACE_SECONDS,
            **self._options,
        }
        try:
            view = self._transport.call(self._endpoint, self._path, values, once=True)
        except APIError as error:
            if not self._is_still_waiting(error):
                self._bear(error, budget)
            return None
        self._failures = 0
        return view

    def _is_still_waiting(self, error: APIError) -> bool:
        waiting = isinstance(error, APITimeoutError) or (
            isinstance(error, APIStatusError) and error.status_code == 408
        )
        if waiting:
            self._failures = 0
        return waiting

    def _bear(self, error: APIError, budget: Budget) -> None:
        """Go on after a failure that may pass, but not for ever: the service may be gone."""
        retries = self._transport.retries
        if self._failures >= retries.max_retries or not is_passing(error):
            error.attempts = self._failures + 1
            raise error
        pause = retries.asked_pause(error) or retries.backoff(self._failures)
        self._failures += 1
        sleep(min(pause, budget.left))
