"""Slots: each is the right to have one devbox. Its file lock says who has it, its file what is in it."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import write_private

if TYPE_CHECKING:
    from filelock import BaseFileLock


@dataclass(frozen=True, slots=True)
class Holder:
    """Who uses a slot.

    :param test: the test, or what else the devbox is for.
    :param since: when it was taken, in seconds of the clock that all processes of a machine share.
    """

    test: str
    worker: str
    since: float = field(default_factory=time.monotonic)
    process: int = field(default_factory=os.getpid)
    thread: int = field(default_factory=threading.get_ident)

    def __str__(self) -> str:
        return f"{self.worker} {self.test} ({time.monotonic() - self.since:.0f} s)".strip()


@dataclass(slots=True)
class Record:
    """What is in a slot.

    :param entry: the key of the devbox's entry in the ledger; `None` if there is no devbox.
    :param spec: what the devbox was made from, if it may be handed out again.
    :param holder: who uses it. One who let go of the lock without taking the name away has died.
    :param lasting: it stays in use until the end of the run, without anybody holding the lock.
    :param uses: how many tests have had the devbox.
    :param idle_since: when it was given back, on the same clock as the holder's `since`.
    """

    entry: str | None = None
    spec: str | None = None
    holder: Holder | None = None
    lasting: bool = False
    uses: int = 0
    idle_since: float = 0.0


class Slot:
    """One slot.

    :param folder: where its files lie.
    :param number: counted from 0.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self._file = folder / f"{number}.json"
        self._lock_file = folder / f"{number}.lock"
        self._lock: BaseFileLock | None = None
        self.record = Record()

    def seized(self) -> bool:
        """Take the lock if nobody has it, and read what is in the slot; tell whether that went well."""
        from filelock import FileLock, Timeout

        lock = FileLock(self._lock_file, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            return False
        self._lock = lock
        self.record = self.read()
        return True

    def read(self) -> Record:
        """Return what is in the slot, whoever holds it."""
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Record()
        return Record(**{**known, "holder": known["holder"] and Holder(**known["holder"])})

    def write(self, **changes: Any) -> None:
        """Change what is in the slot. Only for who has the lock."""
        for name, value in changes.items():
            setattr(self.record, name, value)
        write_private(self._file, json.dumps(asdict(self.record)))

    def release(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None


class Slots:
    """All slots of a run.

    :param folder: where their files lie; it exists.
    :param limit: how many there may be; `None` for as many as are asked for.
    """

    def __init__(self, folder: Path, limit: int | None) -> None:
        self._folder = folder
        self.limit = limit

    def __iter__(self) -> Iterator[Slot]:
        """Yield the slots that have ever been used."""
        numbers = sorted(int(path.stem) for path in self._folder.glob("*.json") if path.stem.isdecimal())
        return (Slot(self._folder, number) for number in numbers)

    def candidates(self, count: int) -> Iterator[Slot]:
        """Yield the slots among which so many are to be found: used ones, and new ones where allowed."""
        used = [slot.number for slot in self]
        new = max(used, default=-1) + 1 + count
        return (Slot(self._folder, number) for number in range(new if self.limit is None else self.limit))
