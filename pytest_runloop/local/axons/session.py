"""Statements of users in an axon's database, within bounds of time, space and permission. It blocks."""

from __future__ import annotations

import base64
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

from ...contract.views.axons import (
    SqlBatchResultView,
    SqlColumnMetaView,
    SqlQueryResultView,
    SqlResultMetaView,
    SqlStepErrorView,
    SqlStepResultView,
)
from ..errors import ApiError, invalid, shutting_down
from ..settings import Settings
from .database import Database
from .failures import SQLITE_ERRORS, kind_of, told
from .guard import Guard
from .sql import is_empty, named_placeholder, without_placeholders

Statement = Mapping[str, Any]

_LOOK_EVERY = 10_000
"""Steps of SQLite's machine, which take about a millisecond."""
_PAGE = 4096


class Budget:
    """The time that statements may take.

    :param seconds: how long.
    :param closing: ends it early.
    """

    def __init__(self, seconds: float, closing: threading.Event) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._closing = closing

    def over(self) -> bool:
        """Tell whether to stop."""
        return self._closing.is_set() or time.monotonic() > self._end

    def spent(self) -> ApiError:
        """Return the error for what was stopped."""
        if self._closing.is_set():
            return shutting_down()
        message = f"not done after {self.seconds:g} s, and so stopped: nothing of it is kept"
        return ApiError(408, "sql_timeout", message, retry=False)


class Session:
    """A connection for statements of users.

    :param connection: for nothing else.
    """

    def __init__(
        self, connection: sqlite3.Connection, database: Database, settings: Settings, budget: Budget
    ):
        self._connection = connection
        self._database = database
        self._settings = settings
        self._budget = budget
        self._room = settings.sql_answer_max
        self._guard = Guard()
        self._confine()

    def _confine(self) -> None:
        connection, settings = self._connection, self._settings
        connection.text_factory = lambda data: data.decode(errors="replace")
        connection.execute(f"PRAGMA max_page_count = {settings.sql_database_max // _PAGE}")
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, settings.sql_value_max)
        connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, settings.sql_value_max)
        connection.setlimit(sqlite3.SQLITE_LIMIT_COLUMN, settings.sql_columns)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, settings.sql_pattern_max)
        connection.set_progress_handler(self._budget.over, _LOOK_EVERY)
        connection.set_authorizer(self._guard)

    def query(self, statement: Statement) -> SqlQueryResultView:
        """Carry out a statement.

        :raises ApiError: as SQLite has it, or if a bound is reached.
        """
        self._guard.reason = None
        sql, params = statement["sql"], statement.get("params", ())
        _check(sql)
        if self._budget.over():  # SQLite asks only within long statements, and many short ones take long too.
            raise self._budget.spent()
        start, before = time.perf_counter(), self._connection.total_changes
        try:
            with closing(self._connection.execute(sql, params)) as cursor:
                rows, cut = self._rows(cursor)
                names = [column[0] for column in cursor.description or ()]
            changes = self._changes() if self._connection.total_changes != before else 0
        except SQLITE_ERRORS as error:
            raise self._told(error) from None
        duration = (time.perf_counter() - start) * 1000
        meta = SqlResultMetaView(changes=changes, duration_ms=duration, rows_read_limit_reached=cut)
        return SqlQueryResultView(columns=self._columns(sql, names), meta=meta, rows=rows)

    def batch(self, statements: Sequence[Statement]) -> SqlBatchResultView:
        """Carry out statements as one transaction: all of them or, if one fails, none."""
        done: list[SqlQueryResultView] = []
        try:
            with self._transaction():
                done.extend(map(self.query, statements))
        except _FailedError as failed:
            return _undone(len(statements), len(done), failed.error.message)
        return SqlBatchResultView(results=[SqlStepResultView(success=result) for result in done])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._own("BEGIN IMMEDIATE")
        try:
            yield
        except ApiError as error:
            # A conflict may have rolled it back already.
            if self._connection.in_transaction:
                self._own("ROLLBACK")
            raise _FailedError(error) from None
        self._own("COMMIT")

    def _own(self, sql: str) -> None:
        try:
            with self._guard.lifted():
                self._connection.execute(sql)
        except SQLITE_ERRORS as error:
            raise self._told(error) from None

    def _rows(self, cursor: sqlite3.Cursor) -> tuple[list[list[Any]], bool]:
        rows: list[list[Any]] = []
        for row in cursor:
            self._room -= sum(map(_size, row))
            if len(rows) == self._settings.sql_rows or self._room < 0:
                return rows, True
            rows.append([_shown(value) for value in row])
        return rows, False

    def _changes(self) -> int:
        return int(self._connection.execute("SELECT changes()").fetchone()[0])

    def _columns(self, sql: str, names: list[str]) -> list[SqlColumnMetaView]:
        types = self._types(sql) if names else []
        if len(types) != len(names):
            types = [""] * len(names)
        return [SqlColumnMetaView(name=name, type=type_) for name, type_ in zip(names, types, strict=True)]

    def _types(self, sql: str) -> list[str]:
        """Return the declared types of a query's columns, which only views tell of in Python."""
        view = "temp.columns_of_the_result"
        with suppress(*SQLITE_ERRORS):
            self._connection.execute(f"CREATE TEMP VIEW {view[5:]} AS {without_placeholders(sql)}")
            columns = self._connection.execute(f"PRAGMA temp.table_info({view[5:]})").fetchall()
            self._connection.execute(f"DROP VIEW {view}")
            return [str(column[2]) for column in columns]
        return []

    def _told(self, error: BaseException) -> ApiError:
        if self._guard.reason is not None:
            return ApiError(400, "sql_refused", self._guard.reason)
        if kind_of(error) == sqlite3.SQLITE_INTERRUPT:
            return self._budget.spent()
        return told(error, self._database.path, self._budget.seconds)


class _FailedError(Exception):
    """A statement of a batch failed, and all are undone."""

    def __init__(self, error: ApiError) -> None:
        self.error = error


def in_session(database: Database, settings: Settings, budget: Budget, work: Callable[[Session], Any]) -> Any:
    """Do something in a session of its own.

    :raises sqlite3.Error: if the axon's file cannot be used.
    """
    # A statement that is kept for later was permitted under other circumstances.
    with closing(database.connect(cached_statements=0)) as connection:
        return work(Session(connection, database, settings, budget))


def _check(sql: str) -> None:
    if is_empty(sql):
        raise invalid("`sql` is empty")
    if "\0" in sql:
        raise invalid("`sql` holds a NUL, which no statement can")
    if name := named_placeholder(sql):
        raise invalid(f"`sql` has the placeholder {name}: write ? for each, and give `params` in that order")


def _undone(count: int, failed: int, why: str) -> SqlBatchResultView:
    other = SqlStepErrorView(message=f"not kept, since statement {failed + 1} of the batch failed: {why}")
    results = [SqlStepResultView(error=other) for _ in range(count)]
    results[failed] = SqlStepResultView(error=SqlStepErrorView(message=why))
    return SqlBatchResultView(results=results)


def _size(value: object) -> int:
    return len(value) + 8 if isinstance(value, str | bytes) else 8


def _shown(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    # JSON has no infinity.
    return None if isinstance(value, float) and not math.isfinite(value) else value
