"""What to answer when SQLite refuses or fails."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from ..errors import ApiError

SQLITE_ERRORS = (sqlite3.Error, sqlite3.Warning, MemoryError)
"""What carrying out a statement raises; that several are one is a warning to some versions of Python."""

_DAMAGED = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SPARE = 64  # blocks


def kind_of(error: BaseException) -> int | None:
    """Return SQLite's primary code for an error; `None` if it is Python's own."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def deleted(axon_id: str) -> ApiError:
    """Return the error for what is left of an axon: nothing but its view."""
    message = f"axon {axon_id} is deleted, and its events and tables with it: create another one"
    return ApiError(409, "axon_deleted", message, retry=False)


def busy(seconds: float) -> ApiError:
    """Return the error for an axon that others use for too long."""
    message = f"other statements kept the axon's database busy for {seconds:g} s: try again"
    return ApiError(409, "axon_busy", message, retry=True)


def told(error: BaseException, path: Path, patience: float) -> ApiError:
    """Return the error to answer with.

    :param path: the axon's file.
    :param patience: seconds that were waited for others.
    :raises OSError: if the disk is full.
    """
    kind = kind_of(error)
    if kind in _BUSY:
        return busy(patience)
    if kind in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) and os.statvfs(path.parent).f_bavail < _SPARE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
    if kind == sqlite3.SQLITE_FULL:
        return ApiError(400, "sql_error", "the axon's database is as large as it may get: delete some of it")
    if kind in _DAMAGED:
        message = f"the axon's file in the state directory cannot be used ({error}): make another axon"
        return ApiError(500, "content_lost", message, retry=False)
    return ApiError(400, "sql_error", _words(error))


def _words(error: BaseException) -> str:
    words = str(error) or "SQLite had not enough memory for this"
    return f"{words[:-1]}: send several as a batch" if words.endswith("one statement at a time.") else words
