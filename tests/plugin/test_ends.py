"""However a run ends, its devboxes end: real signals to real processes, then a count of what is left."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from .service import Remote
from .suite import Suite
from .waiting import until

HANGS = """
import time

def test_it(devbox):
    with open("inside", "w") as file:
        file.write(str(os.getpid()))
    time.sleep(600)

def test_other(): pass
"""
BOOTS = """
@pytest.fixture(autouse=True)
def before():
    with open("inside", "w") as file:
        file.write(str(os.getpid()))

@pytest.mark.devbox(launch_parameters={"launch_commands": ["sleep 600"]})
def test_it(before, devbox): pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_on_a_service_that_outlives_it(
    remote: Remote, number: signal.Signals
) -> None:
    remote.suite.write(HANGS)
    run = remote.suite.start("-p", "no:xdist")
    remote.suite.await_file("inside")
    assert len(remote.living()) == 1
    run.send_signal(number)
    told = remote.suite.output(run)
    assert run.returncode == pytest.ExitCode.INTERRUPTED, told
    assert "KeyboardInterrupt" in told
    assert "INTERNALERROR" not in told
    assert "not confirmed" not in told
    assert remote.living() == []


def kill_with_watcher(remote: Remote, run: subprocess.Popen[str]) -> None:
    """Kill a run and who would clear up after it."""
    for process in (*remote.suite.watchers, run.pid):
        os.kill(process, signal.SIGKILL)
    remote.suite.output(run)


def test_an_interrupt_during_a_boot_leaves_nothing(remote: Remote) -> None:
    remote.suite.write(BOOTS)
    run = remote.suite.start("-p", "no:xdist")
    remote.await_living(1)
    run.send_signal(signal.SIGINT)
    told = remote.suite.output(run)
    assert run.returncode == pytest.ExitCode.INTERRUPTED, told
    assert remote.living() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_its_local_backend(suite: Suite, number: signal.Signals) -> None:
    suite.write(HANGS)
    run = suite.start("-p", "no:xdist")
    suite.await_file("inside")
    run.send_signal(number)
    suite.output(run)
    assert run.returncode == pytest.ExitCode.INTERRUPTED


def test_an_interrupted_run_with_workers_leaves_nothing(remote: Remote) -> None:
    remote.suite.write(
        HANGS.replace("def test_it(devbox)", "@pytest.mark.parametrize('n', '12')\ndef test_it(devbox, n)")
    )
    run = remote.suite.start("-n2")
    remote.await_living(2)
    os.killpg(run.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
    remote.suite.output(run)
    assert remote.living() == []


def test_a_worker_that_is_killed_leaves_nothing(remote: Remote) -> None:
    remote.suite.write(HANGS)
    run = remote.suite.start("-n1", "--max-worker-restart=0")
    worker = int(remote.suite.await_file("inside"))
    os.kill(worker, signal.SIGKILL)
    told = remote.suite.output(run)
    assert "crashed while running" in told
    assert remote.living() == []


def test_the_backend_of_a_killed_run_ends_with_it_and_the_next_run_clears_up(suite: Suite) -> None:
    suite.write(HANGS)
    run = suite.start("-p", "no:xdist")
    suite.await_file("inside")
    assert len(suite.runs) == 1
    os.killpg(run.pid, signal.SIGKILL)
    suite.output(run)
    dead = suite.runs
    suite.write("def test_it(devbox): pass\n")
    suite.run().assert_outcomes(passed=1)
    until(lambda: not dead[0].exists(), "the removal of the dead run's directory")


def test_the_devboxes_of_a_killed_run_are_ended_by_the_next_and_those_of_a_living_run_are_not(
    remote: Remote,
) -> None:
    remote.suite.write(HANGS)
    killed = remote.suite.start("-p", "no:xdist")
    remote.suite.await_file("inside")
    [lost] = remote.living()
    kill_with_watcher(remote, killed)
    remote.suite.path("inside").unlink()
    living = remote.suite.start("-p", "no:xdist")  # it is a next run itself
    remote.suite.await_file("inside")
    until(lambda: lost not in remote.living(), "the end of the killed run's devbox")
    [kept] = remote.living()
    remote.suite.write("def test_quick(devbox): pass\n", "test_quick")
    remote.suite.run("test_quick.py").assert_outcomes(passed=1)
    assert remote.living() == [kept]
    living.send_signal(signal.SIGINT)
    remote.suite.output(living)


@pytest.mark.any_tier
def test_a_dead_run_of_another_account_is_left_alone(remote: Remote) -> None:
    remote.suite.write(HANGS)
    killed = remote.suite.start("-p", "no:xdist")
    remote.suite.await_file("inside")
    [lost] = remote.living()
    kill_with_watcher(remote, killed)
    key = remote.suite.environment.pop("RUNLOOP_API_KEY")
    url = remote.suite.environment.pop("RUNLOOP_BASE_URL")
    remote.suite.write("def test_quick(devbox): pass\n", "test_quick")
    remote.suite.run("test_quick.py").assert_outcomes(passed=1)
    assert len(remote.suite.runs) == 1
    assert remote.living() == [lost]
    remote.suite.environment.update({"RUNLOOP_API_KEY": key, "RUNLOOP_BASE_URL": url})
    remote.suite.run("test_quick.py").assert_outcomes(passed=1)


@pytest.mark.any_tier
@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_test_that_runs_out_of_time_leaves_nothing(remote: Remote, method: str) -> None:
    pytest.importorskip("pytest_timeout")
    remote.suite.write(HANGS)
    remote.suite.run("-p", "no:xdist", "-p", "timeout", "--timeout=6", f"--timeout-method={method}")
    remote.await_living(0)  # by a thread, the process ends on the spot: the watcher clears up


@pytest.mark.any_tier
def test_the_factory_ends_what_it_made_with_the_session_and_not_with_the_run(remote: Remote) -> None:
    remote.suite.write(
        """
def test_it(devbox_factory):
    with open("made", "w") as file:
        file.write("\\n".join(devbox_factory().id for _ in range(3)))
"""
    )
    remote.suite.pytester.makepyfile(
        look="""
import pytest
from pytest_runloop import Runloop

@pytest.hookimpl(trylast=True)
def pytest_sessionfinish():
    with Runloop() as runloop, open("made") as made, open("statuses", "w") as file:
        file.write(" ".join(runloop.devbox.from_id(box).get_info().status for box in made.read().split()))
"""
    )
    remote.suite.run("-p", "look", "-p", "no:xdist").assert_outcomes(passed=1)
    assert remote.suite.path("statuses").read_text() == "shutdown shutdown shutdown"


@pytest.mark.any_tier
def test_a_test_that_ends_the_run_leaves_nothing(remote: Remote) -> None:
    remote.suite.write("def test_it(devbox):\n    pytest.exit('enough')\n")
    assert remote.suite.run("-p", "no:xdist").ret == pytest.ExitCode.INTERRUPTED
    assert remote.living() == []


@pytest.mark.any_tier
def test_sigterm_stays_with_who_handles_it(suite: Suite) -> None:
    suite.write(
        """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)

def test_it(devbox):
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
"""
    )
    suite.run("-p", "no:xdist").assert_outcomes(passed=1)


@pytest.mark.any_tier
def test_a_run_within_a_run_is_a_run_of_its_own(suite: Suite) -> None:
    suite.pytester.makeconftest("pytest_plugins = ['pytester']")
    suite.write(
        """
@pytest.mark.parametrize("how", ["runpytest_inprocess", "runpytest_subprocess"])
def test_it(devbox, runloop, pytester, how):
    pytester.makepyfile(test_in="def test_in(runloop): assert runloop.base_url != %r" % runloop.base_url)
    getattr(pytester, how)("-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert devbox.cmd.exec("true").success

def test_what_it_loaded_first(runloop, pytester):
    pytester.makepyfile(test_in="def test_in(runloop): runloop.scenario.list(limit=1)")
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert list(runloop.scenario.list(limit=1)) == []
"""
    )
    suite.run("-n1").assert_outcomes(passed=3)
