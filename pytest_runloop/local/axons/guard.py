"""What statements of users may do in an axon's database: nothing that leads out of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

OWN_PREFIX = "rl_"
"""Tables of such names are the server's: anybody may read them."""

_HARMLESS = {
    sqlite3.SQLITE_ANALYZE,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_REINDEX,
    sqlite3.SQLITE_SELECT,
}
_WRITING = {
    sqlite3.SQLITE_ALTER_TABLE,
    sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_TEMP_INDEX,
    sqlite3.SQLITE_CREATE_TEMP_TABLE,
    sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
    sqlite3.SQLITE_CREATE_TEMP_VIEW,
    sqlite3.SQLITE_CREATE_TRIGGER,
    sqlite3.SQLITE_CREATE_VIEW,
    sqlite3.SQLITE_CREATE_VTABLE,
    sqlite3.SQLITE_DELETE,
    sqlite3.SQLITE_DROP_INDEX,
    sqlite3.SQLITE_DROP_TABLE,
    sqlite3.SQLITE_DROP_TEMP_INDEX,
    sqlite3.SQLITE_DROP_TEMP_TABLE,
    sqlite3.SQLITE_DROP_TEMP_TRIGGER,
    sqlite3.SQLITE_DROP_TEMP_VIEW,
    sqlite3.SQLITE_DROP_TRIGGER,
    sqlite3.SQLITE_DROP_VIEW,
    sqlite3.SQLITE_DROP_VTABLE,
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_UPDATE,
}
_FORBIDDEN_FUNCTIONS = {"load_extension", "fts3_tokenizer"}
_MODULES = {"fts4", "fts5", "rtree"}
_PRAGMAS = {
    "data_version",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "page_size",
    "table_info",
    "table_list",
    "table_xinfo",
}
_VALUELESS = {"data_version", "page_size"}
"""Full-text search and R-trees read these; with a value they would set something."""


class Guard:
    """SQLite's authorizer for statements of users. What is not known here is refused.

    `reason` says what was refused last, for people.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._ours = False

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Let the server's own statements pass."""
        self._ours = True
        try:
            yield
        finally:
            self._ours = False

    def __call__(
        self, action: int, one: str | None, two: str | None, database: str | None, inside: str | None
    ) -> int:
        """Tell SQLite whether a part of a statement is permitted."""
        if self._ours or action in _HARMLESS:
            return sqlite3.SQLITE_OK
        reason = _objection(action, one or "", two or "")
        if reason is None:
            return sqlite3.SQLITE_OK
        self.reason = reason
        return sqlite3.SQLITE_DENY


def _objection(action: int, one: str, two: str) -> str | None:
    if action in _WRITING:
        return _objection_to_writing(action, one, two)
    if action == sqlite3.SQLITE_FUNCTION:
        return f"the function {two} is not permitted" if two.lower() in _FORBIDDEN_FUNCTIONS else None
    if action == sqlite3.SQLITE_PRAGMA:
        name = one.lower()
        if name in _PRAGMAS and not (name in _VALUELESS and two):
            return None
        return f"PRAGMA {one} is not permitted: those that describe tables and indexes are"
    if action in (sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT):
        return "each statement is a transaction of its own: send several that belong together as a batch"
    if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH):
        return "ATTACH, DETACH and VACUUM are not permitted: they reach files beside the axon's database"
    return "this is not permitted in an axon's database"


def _objection_to_writing(action: int, one: str, two: str) -> str | None:
    if action == sqlite3.SQLITE_CREATE_VTABLE and two.lower() not in _MODULES:
        return f"virtual tables of {two} are not permitted: those of {', '.join(sorted(_MODULES))} are"
    names = (one,) if action == sqlite3.SQLITE_UPDATE else (one, two)  # There the second is a column.
    own = next((name for name in names if name.lower().startswith(OWN_PREFIX)), None)
    if own is None:
        return None
    return f"{own} cannot be written: names that begin with {OWN_PREFIX} are the server's, for reading only"
