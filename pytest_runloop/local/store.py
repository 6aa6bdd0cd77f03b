"""Documents that outlive the server, in SQLite.

Several servers may share a file: each write is one transaction, and each read sees what the others
have committed.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from .errors import not_found

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, id)
)
"""


_SPARE = 64  # blocks


class StoreError(Exception):
    """The file cannot be used."""


class Record(BaseModel):
    """A document: whatever a kind keeps. Its `id` must be unique within the kind."""

    # Built on first use: most servers meet few of the kinds, and each test run starts a server.
    model_config = ConfigDict(defer_build=True)

    @property
    def id(self) -> str:
        """The id under which it is found."""
        raise NotImplementedError


R = TypeVar("R", bound=Record)


class Store:
    """An open file of documents.

    What is not to be lost although the disk is full is held in memory, and written with the next write that
    succeeds.

    :raises StoreError: if the file cannot be opened, or belongs to a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.directory = path.parent
        self._path = path
        self._unsaved: dict[tuple[str, str], str | None] = {}
        create_private(path)
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=10)
            self._prepare_or_close()
        except sqlite3.Error as error:
            raise StoreError(f"cannot use {path}: {error}") from None

    def _prepare_or_close(self) -> None:
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        # In WAL mode this keeps the file whole through a crash; at worst the last writes before a
        # loss of power are gone.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        # What is deleted, a secret among it, is overwritten.
        self._connection.execute("PRAGMA secure_delete = ON")
        with self.transaction():
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > _VERSION:
                raise StoreError("the state directory was written by a newer pytest-runloop")
            self._connection.execute(_SCHEMA)
            self._connection.execute(f"PRAGMA user_version = {_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do several reads and writes as one, with no other server's writes between them.

        :raises OSError: if the disk is full; nothing is written then.
        """
        with self._told_when_full():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for (kind, identifier), body in self._unsaved.items():
                    self._write(kind, identifier, body)
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._unsaved.clear()

    def put(self, kind: str, identifier: str, body: str) -> None:
        """Write a document; one that exists keeps its place in the order.

        :raises OSError: if the disk is full.
        """
        if self._connection.in_transaction:
            self._write(kind, identifier, body)
        else:
            with self.transaction():
                self._write(kind, identifier, body)

    def keep(self, kind: str, identifier: str, body: str | None) -> None:
        """Write a document as soon as there is room for it. It can be read at once.

        :param body: `None` removes it.
        """
        if self._connection.in_transaction:
            self._write(kind, identifier, body)
            return
        try:
            with self.transaction():
                self._write(kind, identifier, body)
        except OSError:
            self._unsaved[kind, identifier] = body

    def _write(self, kind: str, identifier: str, body: str | None) -> None:
        if body is None:
            self._connection.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, identifier))
            return
        self._connection.execute(
            "INSERT INTO documents (kind, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, identifier, body),
        )

    @contextmanager
    def _told_when_full(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if not self._is_full(error.sqlite_errorcode & 0xFF):  # The lowest byte says what kind it is.
                raise
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path)) from error

    def _is_full(self, code: int) -> bool:
        # Some file systems refuse with a plain failure to write.
        failed_to_write = code == sqlite3.SQLITE_IOERR and os.statvfs(self.directory).f_bavail < _SPARE
        return code == sqlite3.SQLITE_FULL or failed_to_write

    def get(self, kind: str, identifier: str) -> str | None:
        """Return a document, or `None` if there is none."""
        if (kind, identifier) in self._unsaved:
            return self._unsaved[kind, identifier]
        row = self._connection.execute(
            "SELECT body FROM documents WHERE kind = ? AND id = ?", (kind, identifier)
        ).fetchone()
        return None if row is None else str(row[0])

    def delete(self, kind: str, identifier: str) -> None:
        """Remove a document, if there is one. Also where the disk is full."""
        self.keep(kind, identifier, None)

    def all(self, kind: str) -> list[str]:
        """Return all documents of a kind, newest first."""
        rows = self._connection.execute(
            "SELECT id, body FROM documents WHERE kind = ? ORDER BY position DESC", (kind,)
        )
        bodies = [self._unsaved.get((kind, identifier), body) for identifier, body in rows]
        return [str(body) for body in bodies if body is not None]

    def clean(self) -> None:
        """Let nothing that was overwritten or deleted remain in the log beside the file."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            if self._unsaved:
                with self.transaction():
                    pass
        self._connection.close()


def count_documents(path: Path) -> dict[str, int]:
    """Return how many documents of each kind a file holds. It is only read.

    :raises StoreError: if it cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return dict(connection.execute("SELECT kind, COUNT(*) FROM documents GROUP BY kind"))
    except sqlite3.Error as error:
        raise StoreError(f"cannot read {path}: {error}") from None


def create_private(path: Path) -> None:
    """Let only its owner read the file; SQLite gives those beside it the same mode."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(descriptor, 0o600)
        os.close(descriptor)
    except OSError as error:
        raise StoreError(f"cannot use {path}: {error.strerror}") from None


class Collection(Generic[R]):
    """The documents of one kind.

    :param store: where they are.
    :param kind: their name there.
    :param record: what they are in Python.
    """

    def __init__(self, store: Store, kind: str, record: type[R]) -> None:
        self._store = store
        self._kind = kind
        self._record = record

    def put(self, record: R) -> None:
        """Write a record, new or changed.

        :raises OSError: if the disk is full.
        """
        self._store.put(self._kind, record.id, record.model_dump_json())

    def keep(self, record: R) -> None:
        """Write a record as soon as there is room for it. It can be read at once."""
        self._store.keep(self._kind, record.id, record.model_dump_json())

    def get(self, identifier: str) -> R | None:
        """Return a record, or `None` if there is none."""
        body = self._store.get(self._kind, identifier)
        return None if body is None else self._record.model_validate_json(body)

    def found(self, identifier: str, what: str) -> R:
        """Return a record that a request asks for.

        :param what: what it is, for people.
        :raises ApiError: 404 if there is none.
        """
        record = self.get(identifier)
        if record is None:
            raise not_found(what, identifier)
        return record

    def delete(self, identifier: str) -> None:
        """Remove a record, if there is one."""
        self._store.delete(self._kind, identifier)

    def all(self) -> list[R]:
        """Return all records, newest first."""
        return [self._record.model_validate_json(body) for body in self._store.all(self._kind)]

    @contextmanager
    def changing(self, identifier: str) -> Iterator[R]:
        """Read a record, let it be changed, and write it, as one transaction.

        On a full disk it is written once there is room, as by `keep`.

        :raises KeyError: if there is none.
        """
        changed: R | None = None
        try:
            with self._store.transaction():
                record = self.get(identifier)
                if record is None:
                    raise KeyError(identifier)
                yield record
                changed = record
                self.put(record)
        except OSError:
            if changed is None:
                raise
            self.keep(changed)
