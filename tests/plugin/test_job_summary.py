"""What the run says of itself: at its head, at its end, and in the summary of a job on GitHub Actions."""

from __future__ import annotations

import re

import pytest

from .service import Remote
from .suite import Suite

FAILING = """
import pytest

@pytest.mark.devbox(reuse="shared")
@pytest.mark.parametrize("text", ["a", "b|c"])
def test_it(devbox, text):
    assert text == "a"

def test_without_a_devbox():
    assert False
"""


def summary_of(suite: Suite) -> str:
    return suite.path("job.md").read_text(encoding="utf-8")


def test_a_job_on_github_shows_the_devboxes_and_which_tests_failed_in_one(suite: Suite) -> None:
    suite.environment["GITHUB_STEP_SUMMARY"] = str(suite.path("job.md"))
    suite.path("job.md").write_text("# of another step\n", encoding="utf-8")
    suite.write(FAILING)
    suite.run("-n1", "--runloop-snapshot-on-fail").assert_outcomes(passed=1, failed=2)
    told = summary_of(suite)
    assert told.startswith("# of another step\n### Devboxes\n\n- local backend, isolation ")
    assert "1 devbox, boot " in told
    assert ", reused 1 time" in told
    rows = [line for line in told.splitlines() if line.startswith("| test")]
    assert len(rows) == 1
    assert re.search(r"^\| test\\_it\.py::test\\_it\\\[b\\\|c\\\] \| dbx\\_.* \| snp\\_\w+ \|$", rows[0])


def test_a_job_whose_tests_use_no_devbox_gets_no_summary(suite: Suite) -> None:
    suite.environment["GITHUB_STEP_SUMMARY"] = str(suite.path("job.md"))
    suite.write("def test_it(): assert False\n")
    suite.run("-p", "no:xdist").assert_outcomes(failed=1)
    assert not suite.path("job.md").exists()


def test_a_summary_that_cannot_be_written_is_said_and_changes_nothing(suite: Suite) -> None:
    suite.environment["GITHUB_STEP_SUMMARY"] = str(suite.path("missing") / "job.md")
    suite.write("def test_it(devbox): pass\n")
    result = suite.run("-p", "no:xdist")
    assert result.ret == 0
    assert "runloop: the job's summary could not be written" in result.stderr.str()


def test_the_head_names_the_cap_the_snapshots_and_the_run(suite: Suite) -> None:
    suite.write("""
def test_it(devbox):
    assert devbox.get_info().metadata["pytest-runloop-run"] in open("head").read()
""")
    suite.path("head").write_text("", encoding="utf-8")
    suite.pytester.makeconftest("""
def pytest_terminal_summary(): pass

def pytest_collection(session):
    from pytest_runloop import plugin
    open("head", "w").write("\\n".join(plugin.pytest_report_header(session.config)))
""")
    result = suite.run("-p", "no:xdist", "--runloop-max-devboxes=1", "--runloop-snapshot=always", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines(
        [
            r"runloop: at most 1 devbox at once, a snapshot after each test; run [0-9a-f-]{36}",
            r"local backend, isolation \w+: 1 devbox, boot .*",
            r"    \d+\.\d\d s  dbx_\w+  test_it\.py::test_it",
        ]
    )


@pytest.mark.parametrize("quiet", ["-q", "-qq"])
def test_a_quiet_run_has_no_summary(suite: Suite, quiet: str) -> None:
    suite.write("def test_it(devbox): pass\n")
    result = suite.run("-p", "no:xdist", quiet)
    result.assert_outcomes(passed=1) if quiet == "-q" else None
    assert "boot" not in result.stdout.str()
    assert "runloop" not in result.stdout.str()


def test_a_long_boot_in_a_worker_is_announced_on_the_terminal(remote: Remote) -> None:
    remote.suite.write("""
@pytest.mark.devbox(launch_parameters={"launch_commands": ["sleep 7"]})
def test_slow(devbox): pass
""")
    result = remote.suite.run("-n1")
    result.assert_outcomes(passed=1)
    assert result.stdout.str().count("runloop: still booting a devbox for test_it.py::test_slow ...") == 1
