"""Snapshots of failed tests' devboxes: when, and where their ids are."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from .service import Remote
from .suite import Suite
from .waiting import processes_that_know, until

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


@pytest.mark.any_tier
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


@pytest.mark.any_tier
def test_always_keeps_them_all_and_off_none(suite: Suite) -> None:
    suite.write("def test_good(devbox): pass\ndef test_bad(devbox): assert 0\n")
    assert set(snapshots(suite.run("--runloop-snapshot=always"))) == {"test_good", "test_bad"}
    assert snapshots(suite.run()) == {}


@pytest.mark.any_tier
def test_a_snapshot_that_cannot_be_taken_is_told_beside_the_failure(suite: Suite) -> None:
    suite.write("def test_it(devbox):\n    devbox.shutdown()\n    assert 0, 'of its own'\n")
    result = suite.run("--runloop-snapshot-on-fail")
    result.assert_outcomes(failed=1)
    assert "of its own" in result.stdout.str()
    result.stdout.re_match_lines([r"No snapshot of devbox dbx_\w+ could be taken: .+"])


@pytest.mark.any_tier
def test_of_the_attempts_of_a_rerun_only_the_last_leaves_something(suite: Suite) -> None:
    pytest.importorskip("pytest_rerunfailures")
    suite.write(
        """
def attempt(name):
    with open(name, "a") as file:
        file.write("x")
    return os.path.getsize(name)

def test_flaky(devbox): assert attempt("flaky") == 2
def test_broken(devbox): assert attempt("broken") == 9
"""
    )
    result = suite.run("--reruns=1", "--runloop-snapshot-on-fail", "--runloop-keep=on-failure")
    assert "1 failed, 1 passed, 2 rerun" in result.stdout.str()
    assert set(snapshots(result)) == {"test_broken"}
    assert [left["test"] for left in suite.command("snapshots", "--json")["snapshots"]] == [
        "test_it.py::test_broken"
    ]
    assert "4 created, the others end with the run's own backend, 1 snapshot and 1 devbox kept" in str(
        result.stdout
    )
    end_all_kept(suite, result)


BEHIND = """
from pytest_runloop.session.faults import Gate

def test_fails(devbox, devbox_factory, session_devbox):
    for made in (devbox, devbox_factory(), session_devbox):
        made.file.write(file_path="evidence", contents="x")
    with open("id", "w") as file:
        file.write(devbox.id)
    assert 0

def test_meanwhile(runloop, runloop_faults):
    door = Gate(runloop_faults, "door")
    assert len(door.wait(3)) == 3
    assert runloop.devbox.from_id(open("id").read()).get_info().status == "running"
    door.open()

def test_fails_last(devbox_factory):
    devbox_factory().file.write(file_path="evidence", contents="x")
    assert 0
"""


def test_all_devboxes_that_a_failed_test_used_are_taken_behind_the_next_test(suite: Suite) -> None:
    suite.write(BEHIND)
    result = suite.run("--runloop-snapshot-on-fail", "--runloop-faults=gate:moment=snapshot:name=door")
    result.assert_outcomes(failed=2, passed=1)
    found = suite.command("snapshots", "--json")["snapshots"]
    assert [left["test"].partition("::")[2] for left in found] == ["test_fails_last", *["test_fails"] * 3]
    assert {left["exception"] for left in found} == {"AssertionError"}
    suite.write("def test_it(devbox): assert devbox.file.read(file_path='evidence') == 'x'")
    suite.run(f"--runloop-from-snapshot={found[0]['id']}").assert_outcomes(passed=1)


@pytest.mark.any_tier
def test_a_devbox_whose_snapshot_takes_too_long_is_kept_until_somebody_ends_it(suite: Suite) -> None:
    suite.write("def test_it(devbox): assert 0\ndef test_next(devbox): pass")
    result = suite.run(
        "--runloop-snapshot-on-fail",
        "--runloop-snapshot-timeout=0.5",
        "--runloop-max-devboxes=1",
        "--runloop-faults=gate:moment=snapshot",
    )
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.re_match_lines(
        [r"snapshot snp_\w+ of test_it.py::test_it may not be complete: .*in time.*"]
    )
    end_all_kept(suite, result)


@pytest.mark.any_tier
@pytest.mark.parametrize("by", ["", "def test_3(devbox): pass"], ids=["controller", "next-in-the-slot"])
def test_what_a_crashed_worker_had_begun_is_seen_to_its_end_by_others(suite: Suite, by: str) -> None:
    suite.write(f"def test_1(devbox): assert 0\ndef test_2(): os._exit(1)\n{by}")
    result = suite.run(
        "-n1", "--runloop-snapshot-on-fail", "--runloop-max-devboxes=1", "--runloop-faults=snapshot=3"
    )
    assert set(snapshots(result)) == {"test_1"}
    assert f"{2 if by else 1} created" in result.stdout.str()


def test_a_kept_devbox_outlives_its_run_and_ends_by_itself(suite: Suite) -> None:
    suite.write("def test_a(devbox): assert 0\ndef test_b(devbox): assert 0\ndef test_c(devbox): pass")
    result = suite.run(
        "-q", "-n2", "--runloop-keep=on-failure", "--runloop-max-devboxes=1", "--runloop-ttl=20"
    )
    result.assert_outcomes(failed=2, passed=1)
    assert "= devboxes =" not in str(result.stdout)
    kept = kept_devboxes(result)
    assert len(kept) == 2
    suite.run("-k", "test_c").assert_outcomes(passed=1)  # it sweeps what is dead
    runs = suite.command("ps", "--json")["runs"]
    assert {box["id"] for run in runs for box in run["devboxes"] if box["kept"]} <= set(kept)
    until(lambda: not processes_that_know(str(suite.state)), "the end of the kept devboxes and their backend")
    assert suite.command("sweep", "--yes") is None


@pytest.mark.any_tier
def test_on_a_service_that_outlives_the_run_nothing_but_the_user_ends_what_is_kept(remote: Remote) -> None:
    suite = remote.suite
    suite.write("def test_it(devbox): assert 0\ndef test_next(devbox): pass")
    result = suite.run("--runloop-keep=on-failure", "--runloop-strict-cleanup")
    assert "2 created, 1 ended, 1 devbox kept on purpose" in str(result.stdout)
    until(lambda: not processes_that_know(str(suite.state)), "the end of the run's watcher")
    suite.run("-k", "test_next").assert_outcomes(passed=1, deselected=1)
    suite.command("sweep", "--yes")
    assert remote.living() == kept_devboxes(result)
    end_all_kept(suite, result)


PROMPTS = """
@pytest.fixture
def broken_setup(devbox):
    assert 0

@pytest.fixture
def broken_teardown(devbox):
    yield
    assert 0

@pytest.fixture(scope="module")
def wide(devbox_factory):
    devbox = devbox_factory()
    devbox.cmd.exec("true")
    breakpoint()

def test_call(devbox): assert 0
def test_setup(broken_setup): pass
def test_teardown(broken_teardown): pass
def test_wide(wide): pass
def test_given(session_devbox):
    devbox = session_devbox
    assert 0
def test_dead(devbox):
    devbox.shutdown()
    assert 0
"""


@pytest.mark.any_tier
def test_at_the_debuggers_prompt_the_devbox_lives_and_the_way_in_is_told(suite: Suite) -> None:
    suite.write(PROMPTS)
    told = suite.typed("p devbox.id, devbox.get_info().status\nc\n" * 6, "--pdb")
    asked = dict(re.findall(r"\('(dbx_\w+)', '(\w+)'\)", told))
    assert sorted(asked.values()) == ["running"] * 5 + ["shutdown"], told
    way = rf"RUNLOOP_STATE_DIR={suite.state} pytest-runloop shell (dbx_\w+)"
    lives = re.findall(rf"devbox (dbx_\w+) lives; from another terminal: {way}", told)
    assert {inner for pair in lives for inner in pair} == {box for box in asked if asked[box] == "running"}
    assert len(lives) == 5
    assert "has ended: its status is `shutdown`, for the reason `api_shutdown`" in told


def kept_devboxes(result: pytest.RunResult) -> list[str]:
    """Return the ids of the devboxes that a run says are kept: in its summary, or else on standard error."""
    ends = r"^(?:runloop: )?    end it:   RUNLOOP_\w+=\S+ pytest-runloop sweep --yes --devbox (dbx_\w+)$"
    return re.findall(ends, f"{result.stdout}\n{result.stderr}", re.M)


def end_all_kept(suite: Suite, result: pytest.RunResult) -> None:
    """End what a run kept, as its summary says."""
    [kept] = kept_devboxes(result)
    [run] = suite.command("ps", "--json")["runs"]
    assert [(box["id"], box["kept"]) for box in run["devboxes"]] == [(kept, True)]
    suite.command("sweep", "--yes", "--devbox", kept)
    until(lambda: not processes_that_know(str(suite.state)), "the end of the backend after its last devbox")
    suite.command("sweep", "--yes")
