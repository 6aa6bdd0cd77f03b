"""One seed gives the same faults in two server processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from .toy import KEY
from .wire import exchange

PLAN = (
    "http_500=0.2@create:after, lost=0.2@create, reset=0.15@*, cut=0.5@executions.*:at=0-2000, "
    "http_429=0.3@list:retry_after=1s, http_503@create:nth=1:per=request"
)


@contextmanager
def server(plan: str) -> Iterator[int]:
    """Run a toy server in a process of its own, and give its port."""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "tests.local.faults.toy", plan]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            assert process.wait(30) == 0


def seen(seed: int, keys: str, noise: bool = False) -> tuple[list[Any], list[Any]]:
    """Make the same calls, and return what the client saw and what the log tells of them.

    :param keys: begins the request ids, which differ in every run of a real suite.
    :param noise: look at a devbox in between.
    """
    outcomes: list[Any] = []
    with server(f"seed={seed}, {PLAN}") as port:
        for number in range(60):
            key = f"x-request-id: {keys}{number // 2}\r\n"
            if noise:
                exchange(port, "GET", f"/v1/devboxes/dbx_{keys}")
            answer = exchange(port, "POST", "/v1/devboxes", b"{}", headers=key)
            outcomes.append((answer.status, answer.ending))
            stream = exchange(port, "GET", "/v1/devboxes/d/executions/e/stream_stdout_updates")
            outcomes.append((stream.status, len(stream.body), stream.ending))
        url = f"http://127.0.0.1:{port}/_local/faults/log"
        log = httpx.get(url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False).json()["faults"]
    told = [(entry["rule"], entry["endpoint"], entry["detail"]) for entry in log]
    return outcomes, [entry for entry in told if entry[1] != "devboxes.retrieve"]


def test_two_processes_with_one_seed_do_the_same() -> None:
    outcomes, log = seen(7, "a")
    assert (outcomes, log) == seen(7, "b")
    assert {rule for rule, _, _ in log} >= {"http1", "lost1", "reset1", "cut1", "http3"}


def test_other_calls_in_between_change_nothing() -> None:
    assert seen(7, "a") == seen(7, "a", noise=True)


def test_another_seed_does_something_else() -> None:
    assert seen(7, "a")[0] != seen(8, "a")[0]
