"""A test suite of a user, run by a pytest of its own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_runloop.cli import main

from .waiting import PATIENCE, processes_that_know, until

QUIET = ("-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function")


@dataclass
class Suite:
    """A folder with tests, and a state directory that no other suite uses.

    :param environment: what its pytest runs with, beside what every process has.
    """

    pytester: pytest.Pytester
    state: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, source: str, name: str = "test_it") -> None:
        """Add a test module."""
        self.pytester.makepyfile(**{name: "import os, pytest\n" + source})

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run it to its end, in a process of its own."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._variables().items():
                patch.setenv(name, value)
            return self.pytester.runpytest_subprocess(*QUIET, *arguments, timeout=PATIENCE * 2)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin to run it, as the leader of a process group as a shell would start it."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *QUIET, *arguments],
            cwd=self.pytester.path,
            env={**os.environ, **self._variables()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        self.started.append(process)
        return process

    def _variables(self) -> dict[str, str]:
        return {"RUNLOOP_STATE_DIR": str(self.state), **self.environment}

    def output(self, process: subprocess.Popen[str]) -> str:
        """Return what a started run wrote, after its end."""
        return process.communicate(timeout=PATIENCE * 2)[0]

    def typed(self, text: str, *arguments: str) -> str:
        """Run it to its end while somebody types; return what it wrote."""
        command = [sys.executable, "-m", "pytest", *QUIET, *arguments]
        return subprocess.run(
            command,
            cwd=self.pytester.path,
            env={**os.environ, **self._variables()},
            input=text,
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
        ).stdout

    def command(self, *arguments: str) -> Any:
        """Run a `pytest-runloop` command, which must succeed; return the JSON that it prints, if any."""
        told = io.TextIOWrapper(io.BytesIO(), write_through=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", told)
            for name, value in self._variables().items():
                patch.setenv(name, value)
            status = main(arguments)
        told.seek(0)
        shown = told.read()
        assert status == 0, shown
        return json.loads(shown) if shown.startswith("{") else None

    def path(self, name: str) -> Path:
        """Return a path in the suite's folder."""
        return self.pytester.path / name

    def await_file(self, name: str) -> str:
        """Wait until a test of the suite wrote a file, and return its content."""
        path = self.path(name)
        return until(lambda: path.exists() and path.read_text(), f"{name} of the inner test")

    @property
    def runs(self) -> list[Path]:
        """The directories of its runs that are there."""
        folder = self.state / "runs"
        return list(folder.iterdir()) if folder.exists() else []

    @property
    def watchers(self) -> list[int]:
        """The process ids of the watchers of its runs."""
        found = (self.state / "runs").glob("*/watcher.json")
        return [json.loads(path.read_text())["pid"] for path in found]

    def nothing_is_left(self) -> None:
        """Check that no process and no run directory is left, and clear up before failing."""
        hanging = [process for process in self.started if process.poll() is None]
        for process in hanging:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        until(lambda: not processes_that_know(str(self.state)), "the end of the suite's processes")
        assert not hanging, "the test should have waited for its runs"
        assert self.runs == []
