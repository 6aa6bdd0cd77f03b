"""One case after the other, against a backend of the lane's own, with devboxes of others."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from pytest_runloop import Runloop
from pytest_runloop.session import settings
from pytest_runloop.session.devboxes import Devboxes
from pytest_runloop.session.ledger import RUN_KEY
from pytest_runloop.session.patience import Patience
from pytest_runloop.session.requests import living_of_runs
from pytest_runloop.session.run import Run, kept_in

from ..support.config import Config
from . import actors
from .case import Case

KEY = "ak_of_the_crash_cases"
PATIENCE = 90.0
WATCHER_SECONDS = 40.0


@dataclass(slots=True)
class Outcome:
    """How a case went.

    :param died: whether somebody was killed.
    :param leaked: devboxes that were left although everybody had cleared up.
    :param touched: foreign devboxes that do not run any more.
    :param seconds: from the death, or the run's end, until none was left.
    :param left: run directories that were left.
    :param broken: whether a process of it ended by an error of its own.
    """

    case: Case
    died: bool = False
    leaked: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    seconds: float = 0.0
    left: int = 0
    broken: bool = False

    @property
    def clean(self) -> bool:
        """Whether all is as it should be."""
        return not (self.leaked or self.touched or self.left or self.broken)


class Lane:
    """A place for cases.

    :param state: the state directory of its runs.
    """

    def __init__(self, state: Path, base_url: str) -> None:
        self._state = state
        self._client = Runloop(base_url, KEY)
        self._faults = httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {KEY}"})
        self._foreign: list[str] = []
        self._others: list[Run] = []
        self._own: set[Path] = set()

    def plant(self) -> None:
        """Make devboxes of others: of nobody, of a run of another machine, of a run that lives here."""
        for metadata in ({}, {RUN_KEY: str(uuid.uuid4())}, {actors.LABEL: "none"}):
            self._foreign.append(self._client.devbox.create(name="pytest-test-0", metadata=metadata).id)
        run = Run(settings.without_config())
        config = Config()
        devboxes = Devboxes(run, Patience(config, run))  # type: ignore[arg-type]
        self._foreign.append(devboxes.boot(run.ledger.intend("test_0"), {})[0].id)
        devboxes.close()
        self._others.append(run)
        self._own.add(run.path)

    def close(self) -> None:
        """End what was planted."""
        for run in self._others:
            run.close(keep=False)
        self._client.close()
        self._faults.close()

    def try_out(self, case: Case) -> Outcome:
        """Let a case happen, clear up, and look."""
        outcome = Outcome(case)
        self._plan(f"seed={case.seed % 1000}, {case.faults}")
        deaths, told = os.pipe()
        controller = actors.fork(lambda: actors.controller(case, told))
        os.close(told)
        since = self._ended(controller, deaths, outcome)
        self._plan("")
        if outcome.died and case.cleaner != "watcher":
            self._clear(case)  # at once, while orphans may still be at their last test
        _to_the_end(deaths)
        os.close(deaths)
        if case.cleaner == "watcher":
            self._await_zero(case)
        elif self._living(case) or self._directories():
            self._clear(case)
        outcome.seconds = time.monotonic() - since
        self._end_kept(outcome)
        outcome.leaked = self._living(case)
        outcome.left = 0 if case.cleaner == "watcher" else len(self._directories())
        outcome.touched += [box for box in self._foreign if self._status(box) != "running"]
        return outcome

    def _plan(self, text: str) -> None:
        self._faults.post("/_local/faults", json={"text": text}).raise_for_status()

    def _ended(self, controller: int, deaths: int, outcome: Outcome) -> float:
        """Wait for the end of the controller; return when somebody died, or now."""
        deadline = time.monotonic() + PATIENCE
        while not (ended := os.waitpid(controller, os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                os.killpg(controller, signal.SIGKILL)
                os.waitpid(controller, 0)
                raise AssertionError(f"the controller hangs: {outcome.case}")
            time.sleep(0.005)
        outcome.broken = os.waitstatus_to_exitcode(ended[1]) > 0
        if select.select([deaths], [], [], 0)[0]:
            moment = os.read(deaths, 64)
            if moment:
                outcome.died = True
                return float(moment.split()[0])
        return time.monotonic()

    def _clear(self, case: Case) -> None:
        work: Callable[[], None] = (
            (lambda: actors.next_run(case)) if case.cleaner == "run" else actors.sweep_by_hand
        )
        os.waitpid(actors.fork(work), 0)

    def _await_zero(self, case: Case) -> None:
        deadline = time.monotonic() + WATCHER_SECONDS
        while set(self._living(case)) - set(self._kept()) and time.monotonic() < deadline:
            time.sleep(0.02)
        self._own |= set(self._directories())  # the watcher keeps them until nothing can come any more

    def _living(self, case: Case) -> list[str]:
        return [devbox for devbox, label in self._labelled() if label == str(case.seed)]

    def _kept(self) -> dict[str, Path]:
        """Return the devboxes that runs kept, and where that is written."""
        return {keep.devbox: path for path in self._runs() for keep in kept_in(path)}

    def _end_kept(self, outcome: Outcome) -> None:
        """Do what whoever wanted them does in the end. Nobody may have ended them, but they may have died."""
        for devbox, path in self._kept().items():
            outcome.touched += [devbox] * (self._status(devbox) == "shutdown")
            self._client.devbox.from_id(devbox).shutdown(force=True)
            kept_in(path).remove(devbox)
            if not list(kept_in(path)):
                shutil.rmtree(path)

    def late(self) -> list[str]:
        """Return what lives of any case, at the end of all."""
        return [f"{devbox} of seed {label}" for devbox, label in self._labelled() if label != "none"]

    def _labelled(self) -> Iterator[tuple[str, str]]:
        for view in living_of_runs(self._client):
            if actors.LABEL in view.metadata:
                yield view.id, view.metadata[actors.LABEL]

    def _directories(self) -> list[Path]:
        return [path for path in self._runs() if path not in self._own]

    def _runs(self) -> list[Path]:
        return list((self._state / "runs").iterdir())

    def _status(self, devbox: str) -> str:
        return self._client.devbox.from_id(devbox).get_info().status


def _to_the_end(pipe: int) -> None:
    """Wait until every process that could write into a pipe has ended."""
    deadline = time.monotonic() + PATIENCE
    while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        if not os.read(pipe, 4096):
            return
    raise AssertionError("a process of the case hangs")


@contextmanager
def lane(folder: Path) -> Iterator[Lane]:
    """Run a backend, and point this process at it.

    :param folder: an empty one, with a short path.
    """
    states = {name: folder / name for name in ("server", "runs")}
    command = [sys.executable, "-m", "pytest_runloop.cli", "serve", "--until-eof", "--faults", ""]
    command += ["--isolation", "process", "--state-dir", str(states["server"])]
    environment = {**os.environ, "RUNLOOP_API_KEY": KEY}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.chdir(folder)  # where the cases keep the evidence of failed tests
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        base_url = json.loads(server.stdout.readline())["base_url"]
        os.environ.update(
            RUNLOOP_API_KEY=KEY, RUNLOOP_BASE_URL=base_url, RUNLOOP_STATE_DIR=str(states["runs"])
        )
        made = Lane(states["runs"], base_url)
        try:
            made.plant()
            yield made
        finally:
            made.close()
            server.stdin.close()
            server.wait(PATIENCE)
