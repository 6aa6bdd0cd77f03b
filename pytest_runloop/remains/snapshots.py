"""Finds the snapshots that runs left, on this machine and in the account, and deletes chosen ones."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..session import backend, server
from ..session.choice import KEY
from ..session.errors import StopRunError
from ..session.evidence.provenance import COMMIT_KEY, EXCEPTION_KEY
from ..session.ledger import RUN_KEY, TEST_KEY
from ..session.requests import listed, living
from ..session.run import known_runs
from .census import LOCAL

if TYPE_CHECKING:
    from .. import Runloop
    from ..contract.views.snapshots import DevboxSnapshotView


@dataclass(slots=True)
class Left:
    """A snapshot that a run left.

    :param where: the server that has it.
    :param chosen: whether it is to be deleted.
    :param deleted: whether it was.
    :param refused: why it was not, or will not be.
    """

    id: str
    where: str
    test: str
    run: str
    created_ms: int
    size_bytes: int | None
    commit: str | None
    exception: str | None
    chosen: bool = False
    deleted: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which snapshots to delete: those that all that is given applies to.

    :param older: older than so many seconds.
    :param keep_last: not those of the newest so many runs of each test.
    :param test: of tests whose ids contain this, or match it as a glob pattern.
    """

    older: float | None = None
    keep_last: int | None = None
    test: str | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is given."""
        return self.older is None and self.keep_last is None and self.test is None

    def apply(self, found: Sequence[Left], now: float) -> None:
        """Choose.

        :param found: newest first.
        :param now: in seconds since the epoch.
        """
        runs: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for left in found:
            newer = runs[left.where, left.test]
            if left.run not in newer:
                newer.append(left.run)
            place = newer.index(left.run)
            old = self.older is None or left.created_ms / 1000 < now - self.older
            spare = self.keep_last is None or place >= self.keep_last
            left.chosen = not self.empty and old and spare and self.fits(left.test)

    def fits(self, test: str) -> bool:
        """Tell whether the test is one of those that are meant."""
        return self.test is None or self.test in test or fnmatch.fnmatchcase(test, self.test)


@dataclass(slots=True)
class Found:
    """All that was found.

    :param unasked: what could not be asked, each with the reason.
    :param failed: whether one of these is a failure, and not only a matter of what is set up here.
    """

    snapshots: list[Left] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    failed: bool = False


def snapshots(state: Path, choice: Choice, *, really: bool) -> Found:
    """Find the snapshots that runs left, and delete those that are chosen.

    :param state: the state directory. What lies there is looked at by a local backend, for the moment.
    :param really: delete them, and do not only say which.
    """
    found = Found()
    if (state / "backend.sqlite3").exists():
        _look(found, LOCAL, lambda: _local(state), choice, state, really=really)
    if os.environ.get(KEY):
        where = os.environ.get("RUNLOOP_BASE_URL") or "Runloop's cloud"
        _look(
            found, where, lambda: contextlib.closing(backend.client_of_account()), choice, None, really=really
        )
    else:
        found.unasked.append(f"the account, because {KEY} is not set")
    return found


def _look(
    found: Found,
    where: str,
    connect: Callable[[], AbstractContextManager[Runloop]],
    choice: Choice,
    state: Path | None,
    *,
    really: bool,
) -> None:
    from ..client.errors import RunloopError

    try:
        with connect() as client:
            here = [_left(where, view) for view in _listed(client)]
            found.snapshots += here
            choice.apply(here, time.time())
            _refuse_needed(client, state, [left for left in here if left.chosen])
            if really:
                _delete(client, [left for left in here if left.chosen and not left.refused])
    except (RunloopError, StopRunError, OSError, ValueError) as error:
        found.unasked.append(f"{where}: {' '.join(str(error).split())}")
        found.failed = True


@contextmanager
def _local(state: Path) -> Iterator[Runloop]:
    """Give a client of a local backend that has the state directory, and lives for as long as this block."""
    from filelock import FileLock

    from .. import Runloop

    with tempfile.TemporaryDirectory(prefix="runloop-") as folder:
        lock = Path(folder) / "owner.lock"
        with FileLock(lock):
            running = server.start(
                state, os.environ.get("RUNLOOP_ISOLATION", "auto"), lock, Path(folder) / "log"
            )
            try:
                with contextlib.closing(Runloop(running.base_url, running.api_key)) as client:
                    yield client
            finally:
                server.stop(running)


def _listed(client: Runloop) -> Iterator[DevboxSnapshotView]:
    """Yield the snapshots that runs took, newest first: those with the metadata that runs give."""
    from ..contract.endpoints import snapshots as endpoints

    return (view for view in listed(client, endpoints.LIST) if {RUN_KEY, TEST_KEY} <= view.metadata.keys())


def _left(where: str, view: DevboxSnapshotView) -> Left:
    about = view.metadata
    return Left(
        view.id,
        where,
        about[TEST_KEY],
        about[RUN_KEY],
        view.create_time_ms,
        view.size_bytes,
        about.get(COMMIT_KEY),
        about.get(EXCEPTION_KEY),
    )


def _refuse_needed(client: Runloop, state: Path | None, chosen: Sequence[Left]) -> None:
    """Say of those that something stands on what that is."""
    if not chosen:
        return
    needed = dict(_needed(client))
    for path in known_runs(state) if state is not None else ():
        other = backend.client_of_local_run(path)
        if other is not None:
            with contextlib.closing(other):
                needed |= dict(_started(other))
    for left in chosen:
        left.refused = needed.get(left.id, "")


def _needed(client: Runloop) -> Iterator[tuple[str, str]]:
    """Yield the ids of snapshots that are needed, each with what needs it."""
    yield from _started(client)
    from ..contract.endpoints import scenarios

    for view in listed(client, scenarios.LIST):
        if view.environment is not None and view.environment.snapshot_id:
            yield view.environment.snapshot_id, f"scenario {view.id} ({view.name}) starts from it"


def _started(client: Runloop) -> Iterator[tuple[str, str]]:
    for view in living(client):
        if view.snapshot_id:
            yield view.snapshot_id, f"devbox {view.id}, which is {view.status}, started from it"


def _delete(client: Runloop, chosen: Sequence[Left]) -> None:
    from ..client.errors import RunloopError

    for left in chosen:
        try:
            client.snapshot.from_id(left.id).delete()
            left.deleted = True
        except RunloopError as error:
            left.refused = " ".join(str(error).split())
