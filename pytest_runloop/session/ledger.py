"""The devboxes that a run has, or is about to have.

An entry is written before the service is asked for a devbox, so that nothing can be created that nobody
knows of. It holds no value of the test's: names and ids only, never an environment or a key.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from .files import write_private

RUN_KEY = "pytest-runloop-run"
TEST_KEY = "pytest-runloop-test"
ENTRY_KEY = "pytest-runloop-entry"


@dataclass(slots=True)
class Entry:
    """One devbox.

    :param key: unique; the entry's file name, part of the devbox's metadata, and its idempotency key.
    :param run: the id of the run.
    :param test: the test that it is for, or what else it is for.
    :param written_ms: when the entry was written, in milliseconds since the epoch.
    :param devbox: the devbox's id, once the service told it.
    :param lease: how long it lives without being renewed, in seconds; `None` if the run renews nothing.
    """

    key: str
    run: str
    test: str
    written_ms: int
    devbox: str | None = None
    lease: int | None = None

    @property
    def metadata(self) -> dict[str, str]:
        """What the devbox carries, so that it can be found although its id never reached us."""
        return {RUN_KEY: self.run, TEST_KEY: self.test[:250], ENTRY_KEY: self.key}

    def __str__(self) -> str:
        return f"{self.devbox or 'a devbox whose id is not known'} ({self.test})"


class Ledger:
    """The entries of one run: a file each.

    :param folder: where they lie.
    :param run: the id of the run.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self._folder = folder
        self._run = run

    def intend(self, test: str, lease: int | None = None) -> Entry:
        """Write down, safe from a crash of the machine, that a devbox is about to be created."""
        entry = Entry(str(uuid.uuid4()), self._run, test, int(time.time() * 1000), lease=lease)
        self._write(entry, durable=True)
        return entry

    def complete(self, entry: Entry, devbox: str) -> None:
        """Add the id. It need not survive the machine: the entry's metadata finds the devbox too."""
        entry.devbox = devbox
        self._write(entry, durable=False)

    def strike(self, entry: Entry) -> None:
        """Remove an entry whose devbox has ended, or never came to be."""
        self._path(entry.key).unlink(missing_ok=True)

    def find(self, key: str) -> Entry | None:
        """Return an entry, or `None` if it was struck or never written."""
        return self._read(self._path(key)) if key else None

    def __iter__(self) -> Iterator[Entry]:
        for path in sorted(self._folder.glob("*.json")):
            entry = self._read(path)
            if entry is not None:
                yield entry

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _write(self, entry: Entry, *, durable: bool) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_private(self._path(entry.key), json.dumps(asdict(entry)), durable=durable)

    def _read(self, path: Path) -> Entry | None:
        try:
            return Entry(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:  # struck by another worker meanwhile
            return None
        except (ValueError, TypeError):  # damaged, yet its name is enough to find the devbox
            written_ms = int(path.stat().st_mtime * 1000)
            return Entry(path.stem, self._run, "a test whose entry is damaged", written_ms)
