"""Which snapshots are to be deleted, as a user says it."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from .found import Left


@dataclass(frozen=True, slots=True)
class Choice:
    """Which snapshots to delete: those that all that is given applies to.

    :param ids: precisely these.
    :param older: older than so many seconds.
    :param keep_last: not those of the newest so many runs of each test.
    :param test: of tests whose ids contain this, or match it as a glob pattern.
    """

    ids: Sequence[str] = ()
    older: float | None = None
    keep_last: int | None = None
    test: str | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is given."""
        return not self.ids and not self.by_kind

    @property
    def by_kind(self) -> bool:
        """Whether more is given than ids."""
        return any(given is not None for given in (self.older, self.keep_last, self.test))

    def apply(self, found: Sequence[Left], now: float) -> None:
        """Choose, and say of others why not.

        :param found: newest first.
        :param now: in seconds since the epoch.
        """
        if self.empty:
            return
        runs: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for left in found:
            newer = runs[left.where, left.test]
            if left.run not in newer:
                newer.append(left.run)
            left.kept = self._why_kept(left, newer.index(left.run), now)
            left.chosen = not left.kept

    def meant(self, left: Left) -> bool:
        """Tell whether a snapshot is one of those that the user speaks of, be it deleted or kept."""
        if self.ids:
            return left.id in self.ids
        return self.test is None or self.test in left.test or fnmatch.fnmatchcase(left.test, self.test)

    def _why_kept(self, left: Left, place: int, now: float) -> str:
        if not self.meant(left):
            return "it is another" if self.ids else "it is of another test"
        if self.older is not None and left.created_ms / 1000 >= now - self.older:
            return "it is not old enough"
        if self.keep_last is not None and place < self.keep_last:
            newest = "newest run" if self.keep_last == 1 else f"newest {self.keep_last} runs"
            return f"it is of the {newest} of its test"
        return ""
