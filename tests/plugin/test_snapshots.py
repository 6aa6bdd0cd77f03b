"""Snapshots of failed tests' devboxes: when, and where their ids are."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from .suite import Suite

VERDICTS = """
@pytest.fixture
def broken_after(devbox):
    raise RuntimeError("set-up")

@pytest.fixture
def broken_end(devbox):
    yield
    raise RuntimeError("tear-down")

def test_wanted_call(devbox): assert 0
def test_wanted_setup(broken_after): pass
def test_wanted_teardown(broken_end): pass
@pytest.mark.xfail(strict=True)
def test_wanted_xpass(devbox): pass

def test_not_pass(devbox): pass
def test_not_skip(devbox): pytest.skip("x")
@pytest.mark.xfail
def test_not_xfail(devbox): assert 0
@pytest.mark.xfail(strict=False)
def test_not_xpass(devbox): pass
"""
SUBTESTS = """
def test_wanted_subtest(devbox, subtests):
    with subtests.test("a"):
        assert 0
    with subtests.test("b"):
        pass
"""


def snapshots(result: pytest.RunResult) -> dict[str, str]:
    """Return the snapshots of the summary: the test's name to the id."""
    found = re.findall(r"^snapshot (snp_\w+) of \S+::(\w+)$", result.stdout.str(), re.MULTILINE)
    return {test: snapshot for snapshot, test in found}


@pytest.mark.parametrize("workers", [["-p", "no:xdist"], ["-n2"]])
def test_whatever_failed_of_a_test_its_devbox_is_kept_as_a_snapshot(suite: Suite, workers: list[str]) -> None:
    with_subtests = pytest.version_tuple >= (9,)
    suite.write(VERDICTS + (SUBTESTS if with_subtests else ""))
    result = suite.run("--runloop-snapshot-on-fail", "--junitxml=junit.xml", *workers)
    kept = snapshots(result)
    wanted = {"call", "setup", "teardown", "xpass", *(["subtest"] if with_subtests else [])}
    assert set(kept) == {f"test_wanted_{name}" for name in wanted}
    told = result.stdout.str()
    assert f"--runloop-from-snapshot={kept['test_wanted_call']} 'test_it.py::test_wanted_call'" in told
    junit = ET.parse(suite.path("junit.xml"))
    properties = {
        (case.get("name"), entry.get("name")): entry.get("value")
        for case in junit.iter("testcase")
        for entry in case.iter("property")
    }
    assert properties["test_wanted_call", "runloop_snapshot"] == kept["test_wanted_call"]
    assert ("test_not_pass", "runloop_snapshot") not in properties
    assert str(properties["test_not_pass", "runloop_devbox"]).startswith("dbx_")
    assert float(str(properties["test_not_pass", "runloop_boot_seconds"])) > 0


def test_the_next_run_starts_from_the_snapshot_of_a_failed_test(suite: Suite) -> None:
    suite.write(
        """
@pytest.mark.devbox(snapshot=None if "FIRST" in os.environ else "snp_of_the_marker")
def test_it(devbox):
    if devbox.cmd.exec("test -e evidence").failed:
        devbox.file.write(file_path="evidence", contents="x")
        pytest.fail("the first time")
"""
    )
    suite.environment["FIRST"] = "1"
    first = suite.run("--runloop-snapshot=on-failure")
    first.assert_outcomes(failed=1)
    del suite.environment["FIRST"]
    snapshot = snapshots(first)["test_it"]
    suite.run(f"--runloop-from-snapshot={snapshot}").assert_outcomes(passed=1)
    suite.run("-o", f"runloop_from_snapshot={snapshot}").assert_outcomes(errors=1)


def test_always_keeps_them_all_and_off_none(suite: Suite) -> None:
    suite.write("def test_good(devbox): pass\ndef test_bad(devbox): assert 0\n")
    assert set(snapshots(suite.run("--runloop-snapshot=always"))) == {"test_good", "test_bad"}
    assert snapshots(suite.run()) == {}


def test_a_snapshot_that_cannot_be_taken_is_told_beside_the_failure(suite: Suite) -> None:
    suite.write("def test_it(devbox):\n    devbox.shutdown()\n    assert 0, 'of its own'\n")
    result = suite.run("--runloop-snapshot-on-fail")
    result.assert_outcomes(failed=1)
    assert "of its own" in result.stdout.str()
    result.stdout.re_match_lines([r"No snapshot of devbox dbx_\w+ could be taken: .+"])


def test_each_attempt_of_a_rerun_has_a_devbox_and_an_end(suite: Suite) -> None:
    pytest.importorskip("pytest_rerunfailures")
    suite.write(
        """
def test_it(devbox):
    attempts = len(open("ids").read().split()) if os.path.exists("ids") else 0
    with open("ids", "a") as file:
        file.write(devbox.id + "\\n")
    assert attempts
"""
    )
    result = suite.run("--reruns=2", "--runloop-snapshot-on-fail")
    assert "1 passed, 1 rerun" in result.stdout.str()
    assert len(set(suite.path("ids").read_text().split())) == 2
