"""The doctor as a command, in a directory that holds nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.children import PROJECT

PATIENCE = 110


@dataclass
class Doctor:
    """Runs `pytest-runloop doctor` as a user would.

    :param directory: where; its `state` is the state directory.
    :param prefix: a command that it is started by.
    """

    directory: Path
    prefix: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it, and check what holds for every run."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RUNLOOP_")}
        done = subprocess.run(
            [*self.prefix, sys.executable, "-m", "pytest_runloop.cli", "doctor", *arguments],
            cwd=self.directory,
            env={
                **inherited,
                "PYTHONPATH": os.pathsep.join([str(PROJECT), *filter(None, [inherited.get("PYTHONPATH")])]),
                "RUNLOOP_STATE_DIR": str(self.directory / "state"),
                "PYTHONWARNINGS": "error",
                **self.environment,
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        assert done.stderr == "" or done.returncode == 2, done.stderr
        return done

    def report(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        """Return its report, after a run that must end with this status."""
        done = self.run("--json", *arguments)
        assert done.returncode == status, done.stdout
        report: dict[str, Any] = json.loads(done.stdout)
        assert report["ready"] is (status == 0)
        return report


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    return Doctor(tmp_path)
