"""What is left of a run that was killed, for how long, and what it takes to know that it was."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_runloop import Runloop

from .figures import Figure
from .local import Backend, backend, proportional_kib

ROUNDS = 20
WORKERS = 2
_SUITE = """
import pathlib, time, pytest

@pytest.mark.parametrize("number", range({workers}))
def test_hangs(devbox, number):
    pathlib.Path(f"inside-{{number}}").touch()
    time.sleep(600)
"""
_CLOUD = "seed=1, rtt=0.06, boot=0.2, shutdown=0.5"
"""A cloud's round trips and shutdowns; boots are quicker, since they are not what is measured."""
_PATIENCE = 120.0


def measure() -> list[Figure]:
    """Kill whole runs, and measure the time until none of their devboxes lives, and the watcher's memory."""
    seconds, memory = [], []
    with backend("process", f"--faults={_CLOUD}") as running, running.client() as client:
        for _ in range(ROUNDS):
            with _hanging_run(running) as (run, state):
                memory.append(_watcher_kib(state))
                os.killpg(run.pid, signal.SIGKILL)
                seconds.append(_until_zero(client))
    each = f"{ROUNDS} runs with {WORKERS} workers, at a cloud's latency"
    detail = f"{each}; median {statistics.median(seconds):.2f} s"
    largest = f"largest of {ROUNDS}; proportional set size"
    # Of so few, the slowest is the 99th percentile.
    killed = "SIGKILL to a run's process group → no devbox of it lives, p99"
    return [
        Figure(killed, max(seconds), "s", 15, detail),
        Figure("memory of a run's watcher", max(memory) / 1024, "MiB", 8, largest),
    ]


@contextmanager
def _hanging_run(running: Backend) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    with tempfile.TemporaryDirectory(prefix="runloop-bench-") as folder:
        suite, state = Path(folder, "suite"), Path(folder, "state")
        suite.mkdir()
        (suite / "test_it.py").write_text(_SUITE.format(workers=WORKERS))
        own = {"RUNLOOP_BASE_URL": running.base_url, "RUNLOOP_API_KEY": running.api_key}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"-n{WORKERS}"]
        with subprocess.Popen(
            command,
            cwd=suite,
            env={**os.environ, **own, "RUNLOOP_STATE_DIR": str(state)},
            process_group=0,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as run:
            _wait(lambda: len(list(suite.glob("inside-*"))) == WORKERS)
            yield run, state
        _wait(lambda: not list((state / "runs").iterdir()))


def _watcher_kib(state: Path) -> int:
    [told] = state.glob("runs/*/watcher.json")
    return proportional_kib(json.loads(told.read_text())["pid"])


def _until_zero(client: Runloop) -> float:
    started = time.perf_counter()
    _wait(lambda: not list(client.devbox.list(status="running")))
    return time.perf_counter() - started


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited for {_PATIENCE:g} s in vain")
        time.sleep(0.02)
