"""Devboxes that outlive their run on purpose: no sweep ends them, they end by themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from .files import write_private

FOLDER = "kept"


@dataclass(frozen=True, slots=True)
class Keep:
    """A devbox that is kept.

    :param entry: the key that its entry in the ledger had.
    :param why: why it is kept.
    :param since_ms: when it was asked for, in milliseconds since the epoch.
    :param until: when it ends by itself, in seconds since the epoch; `None` if it does not.
    """

    devbox: str
    entry: str
    test: str
    why: str
    since_ms: int
    until: float | None

    @property
    def over(self) -> bool:
        """Whether its time is over."""
        return self.until is not None and self.until < time.time()


class Kept:
    """What a run keeps: a file each, named by the devbox's id.

    The local backend knows by the names what is to outlive the run.

    :param folder: where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, keep: Keep) -> None:
        """Keep a devbox."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_private(self._path(keep.devbox), json.dumps(asdict(keep)))

    def remove(self, devbox: str) -> None:
        """Keep a devbox no longer."""
        self._path(devbox).unlink(missing_ok=True)

    def find(self, devbox: str) -> Keep | None:
        """Return what is known of a devbox that is kept."""
        try:
            return Keep(**json.loads(self._path(devbox).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # not there, or damaged
            return None

    def entries(self) -> set[str]:
        """Return the keys that the entries of all these devboxes have, or had, in the ledger."""
        return {keep.entry for keep in map(self.find, self._ids()) if keep is not None}

    def __iter__(self) -> Iterator[Keep]:
        """Yield those whose time is not over."""
        for devbox in self._ids():
            keep = self.find(devbox)
            if keep is not None and not keep.over:
                yield keep

    def _ids(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def _path(self, devbox: str) -> Path:
        return self._folder / f"{devbox}.json"
