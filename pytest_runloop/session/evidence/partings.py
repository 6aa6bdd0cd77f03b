"""Puts devboxes away behind the next test: once their snapshots are complete they end, or are kept."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import options
from ..ending import end_all, together
from ..run import Run
from . import bundle, snapshots
from .snapshots import Taken

if TYPE_CHECKING:
    from ... import Runloop
    from ..devboxes import Devboxes
    from ..lending import Held, Lending

AT_ONCE = 16
"""How many devboxes may be on their way out: a slow service must not fill the account with them."""
END_SECONDS = 15.0
_JOIN_SECONDS = 30.0
"""After its snapshot, for the end of a devbox."""


@dataclass(slots=True)
class Parting:
    """What becomes of a test's devboxes after one attempt.

    :param folder: the attempt's bundle.
    :param taken: the snapshots.
    :param kept: ids of devboxes that were kept.
    """

    folder: Path | None = None
    taken: list[Taken] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)


class Partings:
    """What one process of a run does in the background with devboxes whose tests are over.

    :param run: the run.
    :param devboxes: ends or keeps them.
    :param lending: takes them back.
    """

    def __init__(self, run: Run, devboxes: Devboxes, lending: Lending) -> None:
        self._run = run
        self._devboxes = devboxes
        self._lending = lending
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._settling: dict[str, list[threading.Thread]] = {}

    @property
    def limit(self) -> float:
        """Seconds that a snapshot may take."""
        return self._run.settings[options.SNAPSHOT_TIMEOUT]

    @property
    def client(self) -> Runloop:
        """The client that snapshots are taken with: no transcript has what it does."""
        return self._devboxes.quick_client

    def part(self, held: Held, parting: Parting, taken: Taken | None, keep: str | None) -> None:
        """Put a test's own devbox away.

        :param parting: of the attempt.
        :param taken: its snapshot, if one was begun.
        :param keep: why it is to be kept, if it is.
        """
        self._lending.let_go(held)

        def put_away() -> None:
            why = keep
            if taken is not None:
                self._settle(taken)
                if taken.outcome is None:  # nobody waits any longer: the sweep ends it
                    return
                if taken.outcome == "late":
                    why = taken.late
            if why is not None and self._lending.leave(held, why):
                self._kept(parting, held.devbox.id)
                return
            ailment = self._lending.take_back(held)
            if ailment is not None:
                self._run.journal.note("told", text=f"devbox {held.devbox.id} was not handed on: {ailment}")

        self._start(put_away, parting)

    def _kept(self, parting: Parting, devbox: str) -> None:
        parting.kept.append(devbox)
        keep = self._run.kept.find(devbox)
        if keep is not None and parting.folder is not None:
            bundle.complete(parting.folder, devbox, kept=keep.until)

    def follow(self, parting: Parting, taken: Taken) -> None:
        """See a snapshot of a devbox to its end that goes on being used."""
        thread = self._start(lambda: self._settle(taken), parting)
        self._settling.setdefault(taken.devbox, []).append(thread)

    def drop(self, parting: Parting) -> None:
        """Delete what is left of an attempt, since the test was repeated."""

        def forget() -> None:
            for thread in parting.threads:
                thread.join()
            for taken in parting.taken:
                if taken.outcome != "failed":
                    snapshots.drop(self.client, self._run.journal, taken)
            for devbox in parting.kept:
                self._devboxes.end_kept(devbox)

        if parting.taken or parting.kept or parting.threads:
            self._start(forget, Parting())

    def end(self, made: Iterable[Held]) -> None:
        """End devboxes, those whose snapshots are under way behind the next test."""
        busy = [held for held in made if any(thread.is_alive() for thread in self._of(held))]
        for held in busy:
            self._start(partial(self._end_after, held), Parting())
        end_all([held for held in made if held not in busy], self._lending.end, END_SECONDS)

    def finish(self, *, interrupted: bool) -> None:
        """Wait until all are put away; not long after an interrupt, when the sweep does it.

        A snapshot has its time, and so has the end after it: this cannot wait for ever.
        """
        if interrupted:
            self._over.set()
        deadline = time.monotonic() + (1.0 if interrupted else self.limit + _JOIN_SECONDS)
        try:
            for thread in self._threads:
                thread.join(max(0.0, deadline - time.monotonic()))
        finally:
            self._over.set()

    def take_over(self) -> None:
        """See the snapshots to their end that workers had begun which died.

        Only for the run's owner, when no worker lives any more.
        """
        left = [taken for taken in snapshots.of_run(self._run.journal) if taken.outcome is None]
        if left:
            longest = max(taken.until for taken in left) - time.time()
            together(
                left,
                self._take_over,
                max(0.0, longest) + END_SECONDS,
            )

    def _take_over(self, taken: Taken) -> None:
        self._devboxes.take_over(taken, threading.Event())

    def _start(self, work: Callable[[], None], parting: Parting) -> threading.Thread:
        self._room.acquire()
        thread = threading.Thread(target=self._done, args=(work,), daemon=True, name="runloop-parting")
        self._threads = [known for known in self._threads if known.is_alive()]
        self._threads.append(thread)
        parting.threads.append(thread)
        thread.start()
        return thread

    def _done(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # what it concerns stays in the ledger, and the audit names it
            told = next(iter(str(error).splitlines()), type(error).__name__)
            with contextlib.suppress(OSError):  # the run is over
                self._run.journal.note("told", text=f"putting a devbox away failed: {told}")
        finally:
            self._room.release()

    def _settle(self, taken: Taken) -> None:
        snapshots.settled(self.client, self._run.journal, taken, self._over)

    def _of(self, held: Held) -> list[threading.Thread]:
        return self._settling.get(held.devbox.id, [])

    def _end_after(self, held: Held) -> None:
        for thread in self._of(held):
            thread.join()
        self._lending.end(held)
