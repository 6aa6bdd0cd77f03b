"""Runs that live and runs that died, on a service of their own, and the commands that look at them."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_runloop.cli import main
from pytest_runloop.session import settings
from pytest_runloop.session.devboxes import Devboxes
from pytest_runloop.session.ledger import RUN_KEY, TEST_KEY
from pytest_runloop.session.patience import Patience
from pytest_runloop.session.requests import ENDED
from pytest_runloop.session.run import Run
from tests.plugin.service import KEY, Service, service


@pytest.fixture(scope="session")
def running_service() -> Iterator[Service]:
    """A service for all tests of this process."""
    with tempfile.TemporaryDirectory(prefix="rl-") as folder, service(Path(folder)) as running:
        yield running


@dataclass
class World:
    """A state directory with runs in it, and the account that they use."""

    service: Service
    state: Path
    capsys: pytest.CaptureFixture[str]
    config: pytest.Config
    runs: list[Run] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    def run(self) -> Run:
        """Begin a run."""
        run = Run(settings.without_config())
        self.runs.append(run)
        return run

    def devbox_of(self, run: Run) -> str:
        """Make a devbox in a run, as a test of it would."""
        devboxes = Devboxes(run, Patience(self.config, run))
        devbox = devboxes.boot(run.ledger.intend("test_it"), {})[0].id
        devboxes.close()
        self.made.append(devbox)
        return devbox

    def dead_run(self) -> tuple[Path, str]:
        """Make a run that died, with its devbox; what remains of it is a directory whose lock nobody has."""
        run = self.run()
        path, devbox = run.path, self.devbox_of(run)
        run.close(keep=True)
        return path, devbox

    def run_elsewhere(self) -> tuple[str, str]:
        """Make a devbox of a run of another machine; return the run's id and the devbox's."""
        run = str(uuid.uuid4())
        metadata = {RUN_KEY: run, TEST_KEY: "test_\x1b[2Jthere"}
        self.made.append(self.service.client.devbox.create(metadata=metadata).id)
        return run, self.made[-1]

    def lives(self, devbox: str) -> bool:
        """Ask the service whether a devbox lives."""
        return self.service.client.devbox.from_id(devbox).get_info().status not in ENDED

    def command(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command; return its status, its output and its errors."""
        self.capsys.readouterr()
        status = main(arguments)
        told = self.capsys.readouterr()
        return status, told.out, told.err

    def ps(self) -> dict[str, Any]:
        """Return what `ps` finds, the runs by their ids."""
        found: dict[str, Any] = json.loads(self.command("ps", "--json")[1])
        return {run["id"]: run for run in found["runs"]}


@pytest.fixture
def world(
    running_service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> Iterator[World]:
    """A world, which is empty again afterwards."""
    for name, value in running_service.variables.items():
        monkeypatch.setenv(name, value)
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        monkeypatch.setenv("RUNLOOP_STATE_DIR", folder)
        made = World(running_service, Path(folder), capsys, pytestconfig)
        yield made
        monkeypatch.setenv("RUNLOOP_API_KEY", KEY)
        for run in made.runs:
            run.close(keep=False)
        for devbox in filter(made.lives, made.made):
            running_service.client.devbox.from_id(devbox).shutdown()
