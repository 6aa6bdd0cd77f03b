"""Verdicts on failures: shown, counted, carried by reports, and repeated."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from .suite import Suite

PLAN = ",".join(
    [
        'die_out_of_memory:command="*starve*"',
        'die_health_check_failed:command="*once*":times=1',
        "http_503@write_file_contents:should_retry=false",
    ]
)
MIXED = """
import contextlib

def test_dies(devbox): devbox.cmd.exec("starve")
def test_is_refused(devbox): devbox.file.write(file_path="x", contents="x")
def test_asserts(devbox): assert devbox.cmd.exec("exit 3").success
def test_raises_one_like_it(devbox): raise ConnectionError("made here")
def test_ends_it_itself(devbox):
    devbox.shutdown()
    devbox.cmd.exec("true")
def test_passes_on_a_dead_one(devbox):
    try:
        devbox.cmd.exec("starve")
    except Exception:
        pass
@pytest.mark.xfail
def test_is_to_fail(devbox): devbox.cmd.exec("starve")
def test_good(devbox): assert devbox.cmd.exec("true").success
def test_passes_on_a_dead_further_one(devbox_factory):
    with devbox_factory() as further, contextlib.suppress(Exception):
        further.cmd.exec("starve")
def test_ends_further_ones_itself(devbox_factory):
    with devbox_factory() as further:
        further.cmd.exec("kill -9 $$")
    with contextlib.suppress(Exception):
        further.cmd.exec("true")
    suspended = devbox_factory()
    suspended.suspend()
    with contextlib.suppress(Exception):
        suspended.cmd.exec("true")
def test_passes_on_a_dead_one_of_all(session_devbox):
    with contextlib.suppress(Exception):
        session_devbox.cmd.exec("starve")
"""


def verdicts(suite: Suite) -> dict[str, str]:
    """Return what junit's file says of each test."""
    return {
        str(case.get("name")): str(entry.get("value"))
        for case in ET.parse(suite.path("junit.xml")).iter("testcase")
        for entry in case.iter("property")
        if entry.get("name") == "runloop_verdict"
    }


@pytest.mark.parametrize("workers", [["-p", "no:xdist"], ["-n2"]])
def test_a_failure_of_the_environment_is_told_from_one_of_the_code(suite: Suite, workers: list[str]) -> None:
    suite.write(MIXED)
    result = suite.run(f"--runloop-faults={PLAN}", "--junitxml=junit.xml", *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.re_match_lines([r"=+ 3 failed, 5 passed, 1 xfailed, 5 environment in .*"])
    shown = set(re.findall(r"^ENVIRONMENT \S+::(\w+)", result.stdout.str(), re.MULTILINE))
    passes = {f"test_passes_on_a_dead_{which}" for which in ("one", "further_one", "one_of_all")}
    assert shown == {"test_dies", "test_is_refused", *passes}
    assert verdicts(suite) == {
        "test_dies": "environment: devbox died",
        "test_is_refused": "environment: transport failed",
        **dict.fromkeys(passes, "environment: devbox died"),
        "test_asserts": "code",
        "test_raises_one_like_it": "code",
        "test_ends_it_itself": "code",
    }
    told = result.stdout.str()
    assert "The test passed, but a devbox that it used was dead by then." in told
    assert re.search(r"Devbox dbx_\w+ is `failure`, for the reason `out_of_memory`", told)


NOTHING_PROVEN = """
import contextlib, threading, time

@pytest.mark.xdist_group("one")
def test_suspends_what_all_use(session_devbox): session_devbox.suspend()
@pytest.mark.xdist_group("two")
def test_meets_what_another_worker_suspended(session_devbox):
    while session_devbox.get_info().status != "suspended":
        time.sleep(0.1)
    session_devbox.cmd.exec("true")

def refused(devbox): devbox.file.write(file_path="x", contents="x")
def wrong(devbox): assert 0
def both(devbox, *steps):
    errors = []
    for step in steps:
        try:
            step(devbox)
        except Exception as error:
            errors.append(error)
    raise ExceptionGroup("both", errors)

def test_group(devbox): both(devbox, refused, refused)
def test_group_in_which_one_is_wrong(devbox): both(devbox, refused, wrong)
def test_is_wrong_when_another_thread_was_refused(devbox):
    def late():
        with contextlib.suppress(Exception):
            refused(devbox)
    thread = threading.Thread(target=late)
    thread.start()
    thread.join()
    wrong(devbox)
@pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="pytest has none before 9.0")
@pytest.mark.parametrize("last", [wrong, bool])
def test_parts(request, devbox, last):
    subtests = request.getfixturevalue("subtests")
    for step in (refused, bool, last):
        with subtests.test(step.__name__):
            step(devbox)
@pytest.fixture
def wrong_at_its_end(devbox):
    yield devbox
    wrong(devbox)
def test_refused_and_wrong_at_its_end(wrong_at_its_end): refused(wrong_at_its_end)
@pytest.mark.parametrize("then", [wrong, bool])
def test_asks_for_its_death(devbox, runloop_faults, then):
    runloop_faults.add(f"die_out_of_memory:command=*mine*:devbox={devbox.id}")
    with pytest.raises(Exception):
        devbox.cmd.exec("echo mine")
    then(devbox)
"""


def test_what_proves_nothing_of_the_environment_is_the_code_s(suite: Suite) -> None:
    suite.write(NOTHING_PROVEN)
    workers = ("-n2", "--dist=loadgroup")
    result = suite.run(f"--runloop-faults={PLAN}", "--junitxml=junit.xml", *workers)
    result.stdout.fnmatch_lines(["ERROR *::test_refused_and_wrong_at_its_end - assert 0"])
    told = verdicts(suite)
    if hasattr(pytest, "Subtests"):
        assert told.pop("test_parts[wrong]") == "code"
        assert told.pop("test_parts[bool]") == "environment: transport failed"
        result.stdout.fnmatch_lines(["FAILED * - contains 2 failed subtests"])
        assert result.stdout.str().count(" - a subtest failed\n") == 1  # none of those that passed did
    assert told == {
        "test_meets_what_another_worker_suspended": "code",
        "test_group": "environment: transport failed",
        "test_group_in_which_one_is_wrong": "code",
        "test_is_wrong_when_another_thread_was_refused": "code",
        "test_refused_and_wrong_at_its_end": "code",
        "test_asks_for_its_death[wrong]": "code",
    }


AGAIN = """
def note(text):
    with open("log", "a") as file:
        file.write(text + "\\n")

@pytest.fixture(scope="module")
def wide():
    note("wide")

@pytest.fixture
def own(devbox):
    note("own " + devbox.id)

class TestIt:
    def test_is_saved(self, wide, own, devbox):
        assert not hasattr(self, "before")
        self.before = True
        devbox.cmd.exec("echo once")

def test_is_lost(devbox): devbox.cmd.exec("starve")
def test_is_wrong(devbox): assert 0
"""


@pytest.mark.parametrize("workers", [["-p", "no:xdist"], ["-n1"]])
def test_only_what_the_environment_broke_is_repeated_with_a_new_devbox(
    suite: Suite, workers: list[str]
) -> None:
    suite.write(AGAIN)
    result = suite.run(f"--runloop-faults={PLAN}", "--runloop-rerun-environment=1", *workers)
    result.stdout.re_match_lines([r"=+ 1 failed, 1 passed, 2 rerun, 1 environment in .*"])
    wide, *own = suite.path("log").read_text().splitlines()
    assert wide == "wide"
    assert len(set(own)) == len(own) == 2
    result.stdout.fnmatch_lines(["run again once (devbox died): test_it.py::TestIt::test_is_saved"])


def test_a_command_whose_failure_nobody_saw_fails_the_test_if_that_is_asked_for(suite: Suite) -> None:
    suite.write(
        """
def test_overlooks(devbox): devbox.cmd.exec("echo lost; false")
def test_looks(devbox): assert devbox.cmd.exec("false").failed
def test_kills(devbox):
    running = devbox.cmd.exec_async("sleep 60")
    running.kill()
    running.result()
"""
    )
    suite.run().assert_outcomes(passed=3)
    result = suite.run("-o", "runloop_strict_commands=true")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*nobody looked at the exit status*", "*exit status 1: echo lost; false"])


KINDS = """
import unittest

@pytest.fixture(autouse=True)
def attempt(request):
    with open(request.node.name, "a") as file:
        file.write("x")

class TestCases(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _own(self, devbox): self.devbox = devbox

    def test_case_dies(self):
        self.devbox.cmd.exec("starve")

    def test_case_is_wrong(self):
        self.assertTrue(self.devbox.cmd.exec("false").success)

    def test_case_parts(self):
        for command in ("starve", "true"):
            with self.subTest(command):
                self.devbox.cmd.exec(command)

@pytest.mark.asyncio
async def test_async_dies(async_devbox):
    await async_devbox.cmd.exec("starve")

@pytest.mark.asyncio
async def test_async_is_wrong(async_devbox):
    assert (await async_devbox.cmd.exec("false")).success

@pytest.mark.asyncio
async def test_async_is_saved_and_wrong(async_devbox):
    await async_devbox.cmd.exec("echo once")
    assert 0
"""


def test_every_kind_of_test_is_judged_and_repeated_without_a_terminal_and_beside_rerunfailures(
    suite: Suite,
) -> None:
    pytest.importorskip("pytest_rerunfailures")
    suite.write(KINDS)
    repeat = ("--runloop-rerun-environment=1", "--reruns=1")
    result = suite.run(
        f"--runloop-faults={PLAN}", *repeat, "-p", "no:terminal", "-p", "no:xdist", "--junitxml=junit.xml"
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.stderr.str() == ""
    told = verdicts(suite)
    assert told == {
        "test_case_dies": "environment: devbox died",
        "test_case_parts": "environment: devbox died",
        "test_case_is_wrong": "code",
        "test_async_dies": "environment: devbox died",
        "test_async_is_wrong": "code",
        "test_async_is_saved_and_wrong": "code",
    }
    attempts = {name: len(suite.path(name).read_text()) for name in told}
    assert attempts == {
        "test_case_dies": 3,  # once more by each of the two
        "test_case_parts": 3,
        "test_case_is_wrong": 2,
        "test_async_dies": 3,
        "test_async_is_wrong": 2,
        "test_async_is_saved_and_wrong": 3,
    }
