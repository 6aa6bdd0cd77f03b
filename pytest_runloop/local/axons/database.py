"""An axon's file: its events in a table of their own, beside the tables of its users.

Everything here blocks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from ...contract.views.axons import AxonEventView
from ..store import create_private

_SCHEMA = """
CREATE TABLE rl_axon_events (
    sequence INTEGER PRIMARY KEY,
    timestamp_ms INTEGER NOT NULL,
    origin TEXT NOT NULL,
    source TEXT NOT NULL,
    event_type TEXT NOT NULL,
    payload TEXT NOT NULL
)
"""
_COLUMNS = ("sequence", "timestamp_ms", "origin", "source", "event_type", "payload")
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM rl_axon_events"
_PIECE = 256 * 1024
_PIECE_EVENTS = 500


class EventPage(NamedTuple):
    """Some events, newest first, and how many there are before them and in all."""

    events: list[AxonEventView]
    remaining: int
    total: int


def create(path: Path) -> None:
    """Make the file of a new axon."""
    create_private(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(_SCHEMA)


def discard(path: Path) -> None:
    """Remove the file of an axon, and those that SQLite has beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


class Database:
    """The file of one axon.

    It keeps a connection open for what it publishes: the last one to be closed writes the file anew.

    :param axon_id: whose file it is.
    :param patience: seconds to wait while another connection writes.
    """

    def __init__(self, path: Path, axon_id: str, patience: float) -> None:
        self.path = path
        self.axon_id = axon_id
        self._patience = patience
        self._publishing: sqlite3.Connection | None = None

    def connect(self, **how: Any) -> sqlite3.Connection:
        """Open a connection.

        :raises sqlite3.Error: if the file is not there.
        """
        connection: sqlite3.Connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode=rw",
            uri=True,
            isolation_level=None,
            **{"timeout": self._patience, **how},
        )
        # In WAL mode this keeps the file whole through a crash.
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with closing(self.connect()) as connection:
            connection.execute("BEGIN")  # All that is read is of one moment.
            yield connection

    def publish(self, event: Mapping[str, str], now_ms: int) -> AxonEventView:
        """Add an event. Of several callers, one at a time."""
        if self._publishing is None:
            # A statement that began just before may write for all of its time, and then be rolled back.
            self._publishing = self.connect(check_same_thread=False, timeout=2 * self._patience)
        row = self._publishing.execute(
            "INSERT INTO rl_axon_events (timestamp_ms, origin, source, event_type, payload)"
            f" VALUES (?, ?, ?, ?, ?) RETURNING {', '.join(_COLUMNS)}",
            (now_ms, event["origin"], event["source"], event["event_type"], event["payload"]),
        ).fetchone()
        return self._event(row)

    def close(self) -> None:
        """Close the connection that publishes, until the next event."""
        if self._publishing is not None:
            self._publishing.close()
            self._publishing = None

    def after(self, sequence: int) -> list[AxonEventView]:
        """Return the next events after a sequence number: some of them, if there are many."""
        events, size = [], 0
        with self._reading() as connection:
            rows = connection.execute(
                f"{_SELECT} WHERE sequence > ? ORDER BY sequence LIMIT {_PIECE_EVENTS}", (sequence,)
            )
            for row in rows:
                events.append(self._event(row))
                size += len(events[-1].payload)
                if size > _PIECE:
                    break
        return events

    def page(self, before: int | None, limit: int) -> EventPage | None:
        """Return the newest events.

        :param before: the sequence number of an event: those before it.
        :return: `None` if there is no such event.
        """
        with self._reading() as connection:
            if before is not None and not _has(connection, before):
                return None
            bound = 2**63 - 1 if before is None else before - 1
            rows = connection.execute(
                f"{_SELECT} WHERE sequence <= ? ORDER BY sequence DESC LIMIT ?", (bound, limit)
            )
            events = [self._event(row) for row in rows]
            last = events[-1].sequence if events else 0
            return EventPage(events, _count(connection, last - 1), _count(connection, 2**63 - 1))

    def _event(self, row: tuple[Any, ...]) -> AxonEventView:
        return AxonEventView(axon_id=self.axon_id, **dict(zip(_COLUMNS, row, strict=True)))


def _has(connection: sqlite3.Connection, sequence: int) -> bool:
    found = connection.execute("SELECT 1 FROM rl_axon_events WHERE sequence = ?", (sequence,))
    return found.fetchone() is not None


def _count(connection: sqlite3.Connection, last: int) -> int:
    found = connection.execute("SELECT COUNT(*) FROM rl_axon_events WHERE sequence <= ?", (last,))
    return int(found.fetchone()[0])
