"""What this server has in memory of an axon that is used."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from ...contract.views.axons import AxonEventView, SqlBatchResultView, SqlQueryResultView
from ..clock import Clock, Timer
from ..errors import ApiError, shutting_down
from ..notice import Notice
from ..settings import Settings
from ..tasks import Tasks
from .database import Database, EventPage
from .failures import SQLITE_ERRORS, busy, deleted, told
from .lane import BusyError, Lane, LateError
from .session import Budget, Session, Statement, in_session

T = TypeVar("T")

_TAIL_EVENTS = 256
_TAIL_SIZE = 1024 * 1024
_IDLE_SECONDS = 30
_GRACE = 2.0
"""Seconds for SQLite to hear of the end of its time."""


class Tail:
    """The newest events, without a gap, so that not every follower reads the file for each of them."""

    def __init__(self) -> None:
        self._events: deque[AxonEventView] = deque()
        self._size = 0

    def add(self, event: AxonEventView) -> None:
        """Take a new event."""
        if self._events and self._events[-1].sequence + 1 != event.sequence:
            self.clear()  # Another server published in between.
        self._events.append(event)
        self._size += len(event.payload)
        while len(self._events) > _TAIL_EVENTS or self._size > _TAIL_SIZE:
            self._size -= len(self._events.popleft().payload)

    def clear(self) -> None:
        """Forget all."""
        self._events.clear()
        self._size = 0

    def after(self, sequence: int) -> list[AxonEventView]:
        """Return all events after a sequence number; none if the file has to be asked."""
        if not self._events or sequence + 1 < self._events[0].sequence:
            return []
        return list(islice(self._events, sequence + 1 - self._events[0].sequence, None))


class Channel:
    """Reads and writes an axon's file in threads, and wakes those who follow its events.

    :param database: the axon's file.
    :param closing: set when the server ends.
    """

    def __init__(
        self, database: Database, settings: Settings, clock: Clock, tasks: Tasks, closing: threading.Event
    ) -> None:
        self.changed = Notice()
        self.closed = False
        self.published = 0
        """The sequence number of the newest event that this server published."""
        self.followers = 0
        self.tail = Tail()
        self._database = database
        self._settings = settings
        self._clock = clock
        self._tasks = tasks
        self._closing = closing
        self._writing, self._reading, self._asking = Lane(), Lane(), Lane()
        self._idle: Timer | None = None

    async def publish(self, event: Mapping[str, str]) -> AxonEventView:
        """Add an event, and wake those who follow."""
        now = self._clock.now_ms()
        added = await self._run(self._writing, lambda: self._database.publish(event, now))
        self.published = added.sequence
        if self.followers:
            self.tail.add(added)
        self.changed.ring()
        self._close_when_idle()
        return added

    async def after(self, sequence: int) -> Sequence[AxonEventView]:
        """Return the next events after a sequence number, as the file has them."""
        return await self._run(self._reading, lambda: self._database.after(sequence))

    async def page(self, before: int | None, limit: int) -> EventPage | None:
        """Return the newest events, as the file has them."""
        return await self._run(self._reading, lambda: self._database.page(before, limit))

    async def query(self, statement: Statement) -> SqlQueryResultView:
        """Carry out a statement of a user."""
        result: SqlQueryResultView = await self._ask(lambda session: session.query(statement))
        return result

    async def batch(self, statements: Sequence[Statement]) -> SqlBatchResultView:
        """Carry out statements of a user together."""
        result: SqlBatchResultView = await self._ask(lambda session: session.batch(statements))
        return result

    async def close(self) -> None:
        """End all streams, and close the file."""
        self.end_streams()
        await self._run(self._writing, self._database.close)

    def end_streams(self) -> None:
        """Let those who follow come to their end."""
        if self._idle is not None:
            self._idle.cancel()
        self.closed = True
        self.changed.ring()

    async def _ask(self, work: Callable[[Session], Any]) -> Any:
        settings = self._settings

        def carry_out() -> Any:
            # Its time begins when its turn has come.
            budget = Budget(settings.sql_seconds, self._closing)
            return in_session(self._database, settings, budget, work)

        return await self._run(self._asking, carry_out)

    async def _run(self, lane: Lane, work: Callable[[], T]) -> T:
        patience = self._settings.sql_seconds
        try:
            return await lane.run(work, wait=patience, limit=2 * patience + _GRACE)
        except BusyError:
            raise busy(patience) from None
        except LateError:
            message = "SQLite did not stop when its time was over: nothing of it is known"
            raise ApiError(408, "sql_timeout", message, retry=False) from None
        except SQLITE_ERRORS as error:
            raise self._told(error) from error

    def _told(self, error: BaseException) -> ApiError:
        if self.closed:
            return shutting_down() if self._closing.is_set() else deleted(self._database.axon_id)
        return told(error, self._database.path, self._settings.sql_seconds)

    def _close_when_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = self._clock.call_later(_IDLE_SECONDS, self._rest)

    def _rest(self) -> None:
        self._tasks.start(self._run(self._writing, self._database.close))
