"""A local backend for benchmarks, and what its processes use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_runloop import Runloop


@dataclass(frozen=True, slots=True)
class Backend:
    """A running local backend.

    :param state: its state directory.
    """

    base_url: str
    api_key: str
    isolation: str
    pid: int
    state: Path

    def client(self) -> Runloop:
        """Return a new client of this backend."""
        return Runloop(base_url=self.base_url, api_key=self.api_key)

    def processes(self) -> list[int]:
        """Return the ids of the server and of all its descendants."""
        found, unseen = [], [self.pid]
        while unseen:
            pid = unseen.pop()
            found.append(pid)
            unseen += _children(pid)
        return found

    def memory_kib(self) -> int:
        """Return the proportional set size of all processes of the backend, in KiB."""
        return sum(proportional_kib(pid) for pid in self.processes())

    def peak_kib(self) -> int:
        """Return the largest resident set that any process of the backend ever had, in KiB."""
        return max(peak_kib(pid) for pid in self.processes())

    def descriptors(self) -> int:
        """Return how many files all processes of the backend have open."""
        return sum(_descriptors(pid) for pid in self.processes())


def _children(pid: int) -> list[int]:
    try:
        lists = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except (FileNotFoundError, ProcessLookupError):  # It ended while we looked.
        return []
    return [int(child) for children in lists for child in children.split()]


def _descriptors(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def proportional_kib(pid: int) -> int:
    """Return the memory that a process takes, with its share of what others use too, in KiB."""
    return _field(pid, "smaps_rollup", "Pss")


def peak_kib(pid: int | str = "self") -> int:
    """Return the largest resident set that a process ever had, in KiB."""
    return _field(pid, "status", "VmHWM")


def _field(pid: int | str, file: str, name: str) -> int:
    """Return a number that the kernel tells of a process; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


@contextmanager
def backend(isolation: str = "namespace", *options: str) -> Iterator[Backend]:
    """Run a local backend with a state directory of its own, which is gone afterwards.

    :param options: further ones of `pytest-runloop serve`.
    """
    with tempfile.TemporaryDirectory(prefix="runloop-bench-", dir=Path.home()) as state:
        command = [sys.executable, "-m", "pytest_runloop.cli", "serve", "--until-eof"]
        command += ["--isolation", isolation, "--state-dir", state, *options]
        # What FROM stands for must not depend on what else this machine has.
        environment = {**os.environ, "RUNLOOP_CONTAINER_ENGINE": "none"}
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            ready = json.loads(server.stdout.readline())
            try:
                yield Backend(
                    ready["base_url"], ready["api_key"], ready["isolation"], ready["pid"], Path(state)
                )
            finally:
                server.stdin.close()
                server.wait(30)
