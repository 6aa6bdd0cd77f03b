"""The kill matrix: real signals to real runs on a slow service that outlives them, and what is left then.

Ends that pytest sees are in `test_ends.py`. Each test ends with nothing of it left: no devbox, no process, no
directory, and with the devboxes of others untouched.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from .service import KEY, Remote, Service, service
from .waiting import PATIENCE, until

SLOW = "seed=1, rtt=0.05, boot=0.3, boot_jitter=0.2, shutdown=0.2"
FOREIGN = "another run's"
HANGS = """
import pathlib, time

def test_it(devbox, {further}):
    pathlib.Path("inside").write_text("x")
    while not os.path.exists("go"):
        {wait}
    {last}
"""
ALONE, WORKERS = ("-p", "no:xdist"), ("-n1",)


@pytest.fixture(scope="module")
def running_service() -> Iterator[Service]:
    """A service with the latency of a cloud, and a devbox on it that nobody may touch."""
    with (
        tempfile.TemporaryDirectory(prefix="rl-") as folder,
        service(Path(folder), "--isolation=process", f"--faults={SLOW}") as running,
    ):
        running.client.devbox.create(metadata={"suite": FOREIGN, "pytest-runloop-run": "another"})
        yield running


@pytest.fixture(autouse=True)
def _others_are_left_alone(running_service: Service) -> Iterator[None]:
    yield
    assert len(running_service.living(FOREIGN)) == 1


def started(
    remote: Remote,
    arguments: tuple[str, ...],
    wait: str = "time.sleep(0.05)",
    last: str = "",
    further: str = "request",
) -> subprocess.Popen[str]:
    """Start a run whose test hangs, and wait until it does.

    :param wait: how it hangs.
    :param last: what it does when it goes on.
    :param further: a fixture that it uses too.
    """
    remote.suite.write(HANGS.format(wait=wait, last=last, further=further))
    run = remote.suite.start(*arguments)
    remote.suite.await_file("inside")
    return run


def all_is_gone(remote: Remote) -> None:
    """Wait until the run's devboxes and its directory are gone, though nobody asks for that any more."""
    remote.await_living(0)
    until(lambda: not remote.suite.runs, "the removal of the run's directory")


@pytest.mark.parametrize("arguments", [ALONE, WORKERS], ids=["alone", "workers"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_nothing_is_left_when_every_process_of_a_run_dies(
    remote: Remote, arguments: tuple[str, ...], number: signal.Signals
) -> None:
    run = started(remote, arguments)
    os.killpg(run.pid, number)
    remote.suite.output(run)  # to its end: the watcher does not keep the pipe open that CI reads
    assert run.returncode == -number
    all_is_gone(remote)


def test_nothing_is_left_when_sigterm_comes_to_a_run_with_workers(remote: Remote) -> None:
    run = started(remote, WORKERS)
    os.killpg(run.pid, signal.SIGTERM)
    told = remote.suite.output(run)
    assert run.returncode == pytest.ExitCode.INTERRUPTED, told
    assert remote.living() == []
    assert remote.suite.runs == []


def test_what_the_workers_of_a_killed_controller_make_is_ended_too(remote: Remote) -> None:
    run = started(remote, WORKERS, last="devbox_factory()\n    os._exit(1)", further="devbox_factory")
    [directory] = remote.suite.runs
    run.kill()
    remote.await_living(0)
    assert directory.exists(), "while the workers live"
    remote.suite.path("go").touch()
    remote.suite.output(run)
    all_is_gone(remote)
    made = [devbox.get_info() for devbox in remote.service.client.devbox.list(limit=100)]
    assert [view.metadata["suite"] for view in made].count(remote.name) == 2


def test_nothing_is_left_when_ci_cancels_a_run_that_does_not_end(remote: Remote) -> None:
    stuck = "try: time.sleep(600)\n        except KeyboardInterrupt: open('interrupted', 'a').write('x')"
    run = started(remote, ALONE, wait=stuck)
    run.send_signal(signal.SIGINT)
    remote.suite.await_file("interrupted")
    run.send_signal(signal.SIGTERM)
    until(lambda: remote.suite.await_file("interrupted") == "xx", "the second interrupt")
    run.kill()
    remote.suite.output(run)
    all_is_gone(remote)


def test_nothing_is_left_when_a_second_interrupt_comes_during_the_teardown(remote: Remote) -> None:
    remote.suite.write(
        """
import time

@pytest.fixture(scope="session")
def slow():
    yield
    open("teardown", "w").write("x")
    time.sleep(600)

def test_it(slow, devbox_factory):
    devbox_factory()
    open("inside", "w").write("x")
    time.sleep(600)
"""
    )
    run = remote.suite.start(*ALONE)
    for file in ("inside", "teardown"):
        remote.suite.await_file(file)
        run.send_signal(signal.SIGINT)
    told = remote.suite.output(run)
    assert "not confirmed" not in told
    all_is_gone(remote)


@pytest.mark.parametrize("when", ["before", "after"])
def test_nothing_is_left_of_a_create_call_that_is_on_its_way_when_the_run_dies(
    remote: Remote, when: str
) -> None:
    remote.suite.write("def test_it(devbox): pass\n")
    with gate(remote.service, f"gate@devboxes.create:{when}") as held:
        run = remote.suite.start(*ALONE)
        held.post("wait", json={"timeout_seconds": PATIENCE}).raise_for_status()
        run.kill()
        remote.suite.output(run)
        [directory] = remote.suite.runs
    all_is_gone(remote)
    assert not directory.exists()


@contextmanager
def gate(running: Service, rule: str) -> Iterator[httpx.Client]:
    """Hold calls; give what asks the gate. It opens in the end."""
    base, key = f"{running.base_url}/_local/", {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=base, headers=key) as api:
        name = api.post("faults/rules", json={"text": rule}).json()["name"]
        with httpx.Client(base_url=f"{base}gates/{name}/", headers=key, timeout=PATIENCE * 2) as held:
            yield held
            held.post("release", json={"open": True}).raise_for_status()
        api.post(f"faults/rules/{name}/remove").raise_for_status()
