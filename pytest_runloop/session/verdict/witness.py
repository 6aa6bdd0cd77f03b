"""Sees the calls of a run's clients, and keeps in mind what the failed ones prove."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..requests import ENDED
from .calls import finding
from .verdict import Finding

if TYPE_CHECKING:
    from ...client.observing import Call
    from ...contract.views.devboxes import DevboxView

_CREATES = frozenset({"/v1/devboxes", "/v1/devboxes/create_and_await_running"})
_WAIT = "wait_for_status"
KILLED = 137
"""The exit status of a command that was killed, by whomever."""


@dataclass(frozen=True, slots=True)
class _Hint:
    """Something that hints at the death of a devbox.

    :param at: when it came, in seconds since the epoch.
    :param ended: the answer that said so, if it was one.
    """

    at: float
    ended: DevboxView | None


class Witness:
    """An observer of clients.

    Only what it saw itself counts: an error that a test makes up looks the same, and proves nothing.
    """

    def __init__(self) -> None:
        self._proven: weakref.WeakKeyDictionary[BaseException, Finding | None] = weakref.WeakKeyDictionary()
        self._made: dict[str, Mapping[str, Any]] = {}
        self._last: tuple[float, Finding | None] = 0.0, None
        self._last_wait: tuple[float, Finding | None] = 0.0, None
        self._hints: dict[str, _Hint] = {}
        self._lock = threading.Lock()

    def called(self, call: Call) -> None:
        """Keep in mind how a call ended, and what devboxes were made of."""
        with contextlib.suppress(Exception), self._lock:  # nothing here may fail the test's own call
            proven = self._seen(call)
            if threading.current_thread() is threading.main_thread():
                self._last = call.at + call.seconds, proven
            if call.endpoint.path.endswith(_WAIT):
                self._last_wait = call.at + call.seconds, proven
            self._take_hint(call, proven)
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
        devbox = _devbox_of(call) or None
        # A wait says itself how long the service may hold it, and that is no wish of the test's.
        own_timeout = call.values.get("timeout") is not None and step != _WAIT
        proven = finding(call.error, step, devbox, own_timeout=own_timeout)
        self._proven[call.error] = proven
        return proven

    def _take_hint(self, call: Call, proven: Finding | None) -> None:
        """Note down what makes it likely that a devbox is dead, or the answer that says so."""
        from ...client.errors import DevboxNotRunningError

        devbox = _devbox_of(call)
        if not call.endpoint.path.startswith("/v1/devboxes/{") or not devbox:
            return
        ended = call.answer if getattr(call.answer, "status", None) in ENDED else None
        killed = getattr(call.answer, "exit_status", None) == KILLED
        if ended is not None or killed or proven is not None or isinstance(call.error, DevboxNotRunningError):
            self._hints[devbox] = _Hint(call.at, ended)

    def hinted(self, devbox: str, since: float) -> bool:
        """Tell whether anything hints at the death of a devbox.

        :param since: not before this, in seconds since the epoch.
        """
        hint = self._hints.get(devbox)
        return hint is not None and hint.at >= since

    def ended(self, devbox: str) -> DevboxView | None:
        """Return the last answer that told of a devbox if it said that this has ended."""
        hint = self._hints.get(devbox)
        return None if hint is None else hint.ended

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
        """Return what the very last call proved that tests made.

        What another thread calls may be nothing that a test waits for: what that proves counts by its error.

        :param since: not before this, in seconds since the epoch.
        """
        return _since(self._last, since)

    def last_wait(self, since: float) -> Finding | None:
        """Return what the last request of the last wait proved.

        :param since: not before this, in seconds since the epoch.
        """
        return _since(self._last_wait, since)

    def made_of(self, devbox: str) -> Mapping[str, Any] | None:
        """Return what a devbox was made of, if it was made by one of these clients."""
        return self._made.get(devbox)


def _devbox_of(call: Call) -> str:
    return call.path.get("devbox_id") or call.path.get("id") or ""


def _since(last: tuple[float, Finding | None], since: float) -> Finding | None:
    at, proven = last
    return proven if at >= since else None
