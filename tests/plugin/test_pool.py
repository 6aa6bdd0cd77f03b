"""Devboxes that several tests and workers share, and the cap on how many there are."""

from __future__ import annotations

import pytest

from .suite import Suite

SHARED = """
@pytest.mark.devbox(reuse="shared")
@pytest.mark.parametrize("number", range(3))
def test_it_is_as_it_was_left(devbox, number):
    devbox.cmd.exec("echo x >> seen")
    assert devbox.file.read(file_path="seen") == "x\\n" * (number + 1)

@pytest.mark.devbox(reuse="shared", environment_variables={"A": "1"})
def test_other_arguments_are_another_devbox(devbox):
    assert devbox.cmd.exec("test -e seen").failed

def test_a_test_that_does_not_share_has_its_own(devbox):
    assert devbox.cmd.exec("test -e seen").failed
"""


def test_tests_share_a_devbox_that_was_made_from_the_same(suite: Suite) -> None:
    suite.write(SHARED)
    result = suite.run("-p", "no:xdist", "-W", "error")
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["*3 devboxes, boot*"])


COUNTING = """
import pathlib, time

@pytest.mark.parametrize("number", range(8))
def test_never_too_many(devbox, number, runloop):
    alive = runloop.devbox.list(status="running")
    assert len([box.id for box in alive]) <= 2
    time.sleep(0.1)
"""


def test_the_cap_holds_over_all_workers(suite: Suite) -> None:
    suite.write(COUNTING)
    result = suite.run("-n", "4", "--runloop-max-devboxes=2", "--runloop-boot-timeout=120")
    result.assert_outcomes(passed=8)


def test_what_can_never_be_had_is_an_error_that_says_so(suite: Suite) -> None:
    suite.write("""
def test_two(devbox, devbox_factory):
    devbox_factory()

def test_three_in_one_step(devbox_factory):
    devbox_factory.several(3)

def test_both_in_one_step(devbox_factory):
    one, two = devbox_factory.several(2)
    assert one.id != two.id
    for box in (one, two):
        box.shutdown()
""")
    result = suite.run("-p", "no:xdist", "--runloop-max-devboxes=1")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["*This would wait forever:*", "*3 devboxes are wanted at once*"])
    # The factory's devbox of the first test lives until the session ends.
    result = suite.run("-p", "no:xdist", "--runloop-max-devboxes=2")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*3 devboxes are wanted at once*", "*This would wait forever:*"])


def test_a_devbox_that_ended_under_a_test_is_named_and_not_handed_on(suite: Suite) -> None:
    suite.write("""
pytestmark = pytest.mark.devbox(reuse="shared")

def test_ends_it(devbox):
    devbox.shutdown()

def test_gets_another(devbox):
    assert devbox.cmd.exec("true").success
""")
    result = suite.run("-p", "no:xdist", "-rP")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*is not handed on to other tests: its status is `shutdown`*api_shutdown*"])


LATE = """
import signal, time
from pytest_runloop.session.evidence import settle

def settled_while_no_time_passes(*given, settle=settle.settle):
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    settle(*given)

settle.settle = settled_while_no_time_passes
shared = pytest.mark.devbox(reuse="shared")
NUMBER = 10_000_000 + os.getpid()

def sleeper(number):
    return f"exec sleep {number}"

def count(devbox, number):
    found = f"grep -al {number // 10}[{number % 10}] /proc/[0-9]*/cmdline | wc -l"
    return int(devbox.cmd.exec(found).stdout())

def run_out_of_time():
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    time.sleep(600)

@shared
def test_leaves_a_process_on_purpose(devbox):
    devbox.cmd.exec_async(sleeper(NUMBER))

@shared
def test_finds_it_and_is_late(devbox):
    assert count(devbox, NUMBER) == 1
    devbox.cmd.exec(f"setsid sleep {NUMBER} >/dev/null 2>&1 &")
    run_out_of_time()

@shared
def test_finds_nothing(devbox):
    assert count(devbox, NUMBER) == 0

@pytest.fixture(scope="module")
def server(session_devbox):
    session_devbox.cmd.exec_async(sleeper(NUMBER + 50_000_000))

def test_of_the_session_is_late(session_devbox, server):
    session_devbox.cmd.exec_async(sleeper(NUMBER + 70_000_000))
    run_out_of_time()

def test_finds_only_what_a_fixture_began(session_devbox, server):
    assert count(session_devbox, NUMBER + 50_000_000) == 1
    assert count(session_devbox, NUMBER + 70_000_000) == 0
"""


def test_what_a_test_that_ran_out_of_time_left_running_is_met_by_no_other(suite: Suite) -> None:
    pytest.importorskip("pytest_timeout")
    suite.write(LATE)
    result = suite.run("-p", "no:xdist", "--timeout=600", "--timeout-method=signal")
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["*is not handed on to other tests: its test ran out of time*"])
    result.stdout.fnmatch_lines(
        ["*which goes on being used, `exec sleep *` was killed with its process group*"]
    )


def test_the_devbox_of_a_killed_worker_is_not_handed_on(suite: Suite) -> None:
    suite.write("""
import signal

pytestmark = pytest.mark.devbox(reuse="shared")

def test_dies(devbox):
    devbox.file.write(file_path="dirt", contents="x")
    os.kill(os.getpid(), signal.SIGKILL)

def test_gets_a_clean_one(devbox):
    assert devbox.cmd.exec("test -e dirt").failed
""")
    result = suite.run("-n", "1", "--runloop-max-devboxes=1")
    result.assert_outcomes(passed=1, failed=1)


def test_a_worker_without_a_name_will_do(suite: Suite) -> None:
    suite.pytester.makeconftest("import os; os.environ.pop('PYTEST_XDIST_WORKER', None)")
    suite.write("def test_it(devbox): assert devbox.cmd.exec('true').success")
    suite.run("-n", "1").assert_outcomes(passed=1)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many"])
def test_a_cap_that_is_none_is_refused(suite: Suite, value: str) -> None:
    suite.write("def test_it(): pass")
    result = suite.run(f"--runloop-max-devboxes={value}")
    result.stderr.fnmatch_lines(["*runloop-max-devboxes*whole number greater than 0*"])
