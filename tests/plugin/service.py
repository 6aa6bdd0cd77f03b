"""A Runloop API that outlives test runs, as the cloud does: the local backend, started by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_runloop import Runloop
from pytest_runloop.contract.params.devboxes import DevboxStatus

from .suite import Suite
from .waiting import PATIENCE, until

KEY = "ak_the_secret_key_of_these_tests"
LIVING: tuple[DevboxStatus, ...] = (
    "provisioning",
    "initializing",
    "running",
    "suspending",
    "suspended",
    "resuming",
)


@dataclass
class Service:
    """A server, and a client that sees what is in it.

    :param process: its id.
    """

    base_url: str
    client: Runloop
    process: int

    @property
    def variables(self) -> dict[str, str]:
        """What points a run at it."""
        return {"RUNLOOP_BASE_URL": self.base_url, "RUNLOOP_API_KEY": KEY}

    def living(self, suite: str) -> list[str]:
        """Return the ids of the living devboxes of a suite, told by the metadata that its tests give."""
        views = [devbox.get_info() for status in LIVING for devbox in self.client.devbox.list(status=status)]
        return [view.id for view in views if view.metadata.get("suite") == suite]

    def await_living(self, suite: str, count: int) -> list[str]:
        """Wait until a suite has so many devboxes."""
        return until(
            lambda: len(found := self.living(suite)) == count and (found or ["none"]),
            f"{count} living devboxes of {suite}",
        )


@contextmanager
def service(state: Path, *options: str) -> Iterator[Service]:
    """Run a service.

    :param options: of `pytest-runloop serve`.
    """
    command = [sys.executable, "-m", "pytest_runloop.cli", "serve", "--state-dir", str(state), "--until-eof"]
    process = subprocess.Popen(
        [*command, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "RUNLOOP_API_KEY": KEY},
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        ready = json.loads(process.stdout.readline())
        with Runloop(ready["base_url"], KEY) as client:
            # Modules that a test with `pytester` is the first to load are taken away after it.
            client.devbox.from_id("any")
            yield Service(ready["base_url"], client, process.pid)
        process.stdin.close()
        process.wait(PATIENCE)


class Remote:
    """A suite and its service.

    :param suite: its pytest is pointed at the service.
    """

    def __init__(self, suite: Suite, running: Service) -> None:
        self.name = uuid.uuid4().hex
        self.suite = suite
        self.service = running
        suite.environment.update(running.variables)
        suite.pytester.makeconftest(
            f"""
            import pytest

            @pytest.fixture(scope="session")
            def devbox_defaults():
                return {{"metadata": {{"suite": "{self.name}"}}}}
            """
        )

    def living(self) -> list[str]:
        """Return the ids of its living devboxes."""
        return self.service.living(self.name)

    def await_living(self, count: int) -> list[str]:
        """Wait until it has so many devboxes."""
        return self.service.await_living(self.name, count)
