"""A run: its directory, and the lock that proves to everybody that it lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import options
from .errors import StopRunError
from .journal import Journal
from .kept import FOLDER as KEPT
from .kept import Kept
from .ledger import Entry, Ledger
from .pool.pool import Pool
from .settings import Settings
from .state import VARIABLE, state_directory

if TYPE_CHECKING:
    from filelock import BaseFileLock

WORKER_INPUT = "runloop_run"
"""Under this name xdist carries the directory to the workers."""
OWNER_LOCK = "owner.lock"
MEMBERS_LOCK = "members.lock"
"""Workers share it, as long as they live."""
LEDGER = "devboxes"


class Run:
    """One run of pytest, as seen by one of its processes.

    The controller, or the only process, owns it: makes the directory, holds its lock, cleans up. Workers
    are told the directory. Nothing is made before somebody asks for it.

    :param settings: the options.
    :param path: the directory, for a worker; the owner makes one when it is first needed.
    :param when_made: called once by the owner when it made the directory.
    :param name: the run's unique name, if it has been told to people before.
    """

    def __init__(
        self,
        settings: Settings,
        path: Path | None = None,
        when_made: Callable[[Path], None] | None = None,
        name: str | None = None,
    ) -> None:
        self.settings = settings
        self._name = name or str(uuid.uuid4())
        self.owner = path is None
        self._when_made = when_made
        self._path = path
        self._lock: BaseFileLock | None = None
        self._opening = threading.Lock()
        self._since = time.time()
        if path is not None:
            _be_a_member(path)

    @property
    def opened(self) -> bool:
        """Whether the directory exists."""
        return self._path is not None

    @property
    def path(self) -> Path:
        """The directory, made now if need be.

        :raises StopRunError: if it cannot be made.
        """
        with self._opening:
            if self._path is None:
                self._path, self._lock = _make(self._name)
                self._since = time.time()
                if self._when_made is not None:
                    self._when_made(self._path)
            return self._path

    def refuse_gone(self) -> None:
        """Refuse to go on if somebody deleted the directory: what is not written down, nobody would end.

        :raises StopRunError: if so.
        """
        if self._is_gone():
            raise StopRunError(
                f"The run's directory {self.path} was deleted while the run goes on. What it would have to "
                "write down there has no place, so no devbox is made any more.\n"
                f"Set {VARIABLE} to a directory that nobody clears.",
                "the run's directory was deleted",
            )

    def made_again(self) -> bool:
        """Make the directory anew, as empty as at the start, if somebody deleted it; tell whether so."""
        if not self._is_gone():
            return False
        lock = self.path / OWNER_LOCK
        with contextlib.suppress(OSError):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.touch(mode=0o600)
            os.utime(lock, (self._since, self._since))  # it tells when the run began
        return True

    def _is_gone(self) -> bool:
        return not (self.path / OWNER_LOCK).exists()

    @property
    def id(self) -> str:
        """The run's unique name."""
        return self.path.name

    @property
    def ledger(self) -> Ledger:
        """The devboxes of the run."""
        return ledger_in(self.path)

    @property
    def journal(self) -> Journal:
        """What happened in the run."""
        return journal_in(self.path)

    @property
    def kept(self) -> Kept:
        """The devboxes that outlive the run."""
        return kept_in(self.path)

    @property
    def session_devbox(self) -> str | None:
        """The id of the devbox that all processes use, once there is one."""
        entries = map(self.ledger.find, self.pool.lasting())
        return next((entry.devbox for entry in entries if entry is not None), None)

    @cached_property
    def pool(self) -> Pool:
        """The slots for devboxes, shared by all processes of the run."""
        # Only a name for people: suites may take the variable away.
        worker = "" if self.owner else os.environ.get("PYTEST_XDIST_WORKER", "a worker")
        return pool_in(self.path, self.settings, worker)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Keep every other process of the run out for the time being."""
        from filelock import FileLock

        with FileLock(self.path / f"{name}.lock"):
            yield

    def close(self, *, keep: bool) -> None:
        """Give the lock up, which ends what hangs on it, and remove the directory.

        :param keep: leave the directory, because devboxes are in it whose end nobody confirmed, or that are
            kept.
        """
        if self._path is None or not self.owner:
            return
        if not keep:
            shutil.rmtree(self._path, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()
        self._path = None


def ledger_in(path: Path) -> Ledger:
    """Return the devboxes of the run in a directory."""
    return Ledger(path / LEDGER, path.name)


def journal_in(path: Path) -> Journal:
    """Return what happened in the run in a directory."""
    return Journal(path / "journal.jsonl")


def kept_in(path: Path) -> Kept:
    """Return the devboxes that outlive the run in a directory."""
    return Kept(path / KEPT)


def to_be_ended(path: Path) -> Iterator[Entry]:
    """Yield the entries in a run's directory, but for those of devboxes that are kept, which are struck.

    Who keeps a devbox says so before its entry goes, and may be killed in between.
    """
    ledger, kept = ledger_in(path), kept_in(path).entries()
    for entry in ledger:
        if entry.key in kept:
            ledger.strike(entry)
        else:
            yield entry


def spared(path: Path, entry: Entry) -> bool:
    """Tell whether an entry's devbox is kept by now; then the entry is struck, as by `to_be_ended`."""
    if entry.key not in kept_in(path).entries():
        return False
    ledger_in(path).strike(entry)
    return True


def notices_in(path: Path) -> Journal:
    """Return what workers of the run in a directory have to say to people, who see the owner only."""
    return Journal(path / "notices.jsonl")


def pool_in(path: Path, settings: Settings, worker: str = "") -> Pool:
    """Return the slots of the run in a directory.

    :param worker: what this process is called among those of the run.
    """
    return Pool(path / "pool", settings[options.MAX_DEVBOXES], worker)


def directory_from_controller(config: pytest.Config) -> Path | None:
    """Return the run's directory as the controller told it, if this is a worker that can see it."""
    told = getattr(config, "workerinput", {}).get(WORKER_INPUT)
    return Path(told) if told and Path(told).is_dir() else None


def _make(name: str) -> tuple[Path, BaseFileLock]:
    from filelock import FileLock

    state = state_directory()
    path = state / "runs" / name
    lock = FileLock(path / OWNER_LOCK, thread_local=False)
    with FileLock(state / "runs.lock"):  # nobody sees the directory before its lock is held
        path.mkdir(mode=0o700, parents=True)
        lock.acquire()
    return path, lock


def _be_a_member(path: Path) -> None:
    """Hold the members' lock until this process ends.

    Not `flock`: what a test forks, and leaves behind, would hold it too.
    """
    if sys.platform != "win32":
        import fcntl

        members = os.open(path / MEMBERS_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.lockf(members, fcntl.LOCK_SH)


def members_live(path: Path) -> bool:
    """Tell whether workers of a run live still, as those of a killed controller do for a while."""
    if sys.platform != "win32":
        import fcntl

        with contextlib.suppress(FileNotFoundError), (path / MEMBERS_LOCK).open("r+b") as members:
            try:
                fcntl.lockf(members, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
    return False


@contextlib.contextmanager
def dead_runs(state: Path, own: Path | None = None) -> Iterator[list[Path]]:
    """Give the directories of runs whose owner is dead, and keep others off them meanwhile.

    The lock proves it: the kernel frees it when the owner ends, however it ends.

    :param state: the state directory.
    :param own: the directory of this run, if this is one.
    """
    from filelock import FileLock

    with contextlib.ExitStack() as held:
        with FileLock(state / "runs.lock"):
            dead = [path for path in _folders(state / "runs") if path != own and _seized(path, held)]
        yield dead


def known_runs(state: Path) -> dict[Path, bool]:
    """Return the directories of all runs, and whether their owners live. Nothing is written.

    :param state: the state directory.
    """
    if not (state / "runs").is_dir():
        return {}
    try:
        guard = os.open(state / "runs.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return {}
    try:
        fcntl.flock(guard, fcntl.LOCK_SH)  # a new run takes its own lock under this one
        return {path: _lives(path) for path in sorted(_folders(state / "runs"))}
    finally:
        os.close(guard)


def _lives(path: Path) -> bool:
    try:
        lock = os.open(path / OWNER_LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _folders(runs: Path) -> list[Path]:
    with os.scandir(runs) as found:
        return [Path(entry.path) for entry in found if entry.is_dir()]


def _seized(path: Path, held: contextlib.ExitStack) -> bool:
    from filelock import FileLock, Timeout

    lock = FileLock(path / OWNER_LOCK, timeout=0, thread_local=False)
    try:
        held.enter_context(lock)
    except (Timeout, OSError):
        return False
    return True
