"""Sees the calls of a run's clients, and keeps in mind what the failed ones prove."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .calls import finding
from .verdict import Finding

if TYPE_CHECKING:
    from ...client.observing import Call

_CREATES = frozenset({"/v1/devboxes", "/v1/devboxes/create_and_await_running"})
_WAIT = "wait_for_status"


class Witness:
    """An observer of clients.

    Only what it saw itself counts: an error that a test makes up looks the same, and proves nothing.
    """

    def __init__(self) -> None:
        self._proven: weakref.WeakKeyDictionary[BaseException, Finding | None] = weakref.WeakKeyDictionary()
        self._made: dict[str, Mapping[str, Any]] = {}
        self._last: tuple[float, Finding | None] = 0.0, None
        self._last_wait: Finding | None = None
        self._lock = threading.Lock()

    def called(self, call: Call) -> None:
        """Keep in mind how a call ended, and what devboxes were made of."""
        with contextlib.suppress(Exception), self._lock:  # nothing here may fail the test's own call
            proven = self._seen(call)
            self._last = call.at + call.seconds, proven
            if call.endpoint.path.endswith(_WAIT):
                self._last_wait = proven
            if call.endpoint.path in _CREATES and call.endpoint.verb == "POST" and call.answer is not None:
                self._made[call.answer.id] = dict(call.values)

    def looked_at(self, devbox_id: str, execution_id: str) -> None:
        """It makes no difference here."""

    def unfit(self, devbox_id: str, why: str) -> None:
        """It makes no difference here."""

    def _seen(self, call: Call) -> Finding | None:
        from ...client.errors import APIError

        if not isinstance(call.error, APIError):
            return None
        step = call.endpoint.path.rpartition("/")[2]
        devbox = call.path.get("devbox_id") or call.path.get("id") or None
        # A wait says itself how long the service may hold it, and that is no wish of the test's.
        own_timeout = call.values.get("timeout") is not None and step != _WAIT
        proven = finding(call.error, step, devbox, own_timeout=own_timeout)
        self._proven[call.error] = proven
        return proven

    def knows(self, error: BaseException) -> bool:
        """Tell whether an error was raised by a call that it saw, or was looked into before."""
        with contextlib.suppress(TypeError):  # KeyboardInterrupt and its like take no weak reference
            return error in self._proven
        return False

    def proven_by(self, error: BaseException) -> Finding | None:
        """Return what an error proves that it saw."""
        return self._proven.get(error) if self.knows(error) else None

    def note(self, error: BaseException, proven: Finding | None) -> None:
        """Keep in mind what an error proves that no call raised."""
        if isinstance(error, Exception):
            with contextlib.suppress(TypeError):  # Python's own exceptions cannot be kept in mind
                self._proven[error] = proven

    def last(self, since: float) -> Finding | None:
        """Return what the very last call proved.

        :param since: not before this, in seconds since the epoch.
        """
        at, proven = self._last
        return proven if at >= since else None

    def last_wait(self) -> Finding | None:
        """Return what the last request of the last wait proved."""
        return self._last_wait

    def made_of(self, devbox: str) -> Mapping[str, Any] | None:
        """Return what a devbox was made of, if it was made by one of these clients."""
        return self._made.get(devbox)
