"""Faults by the plugin's option."""

from __future__ import annotations

import pytest

from .suite import Suite


def test_a_plan_in_the_ini_file_is_carried_out_by_the_run_s_backend(suite: Suite) -> None:
    suite.pytester.makeini(
        """
        [pytest]
        runloop_faults =
            seed=3
            http_500@devboxes.create*:after:retry_after=0.01:times=1
            die_out_of_disk:command="*doomed*"
        """
    )
    suite.write(
        """
from pytest_runloop.client.errors import DevboxNotRunningError

def test_dies(devbox, runloop):
    assert [other.id for other in runloop.devbox.list()] == [devbox.id]
    assert devbox.cmd.exec("echo alive").stdout() == "alive\\n"
    with pytest.raises(DevboxNotRunningError):
        devbox.cmd.exec("echo doomed")
    assert devbox.get_info().failure_reason == "out_of_disk"
"""
    )
    result = suite.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["runloop: local backend * faults: seed=3 http_500@*"])


def test_a_plan_on_the_command_line_holds_over_that_of_the_ini_file(suite: Suite) -> None:
    suite.pytester.makeini("[pytest]\nrunloop_faults = die_out_of_disk:moment=boot\n")
    suite.write("def test_lives(devbox): assert devbox.cmd.exec('true').success")
    suite.run("--runloop-faults=").assert_outcomes(passed=1)
    failed = suite.run()
    failed.assert_outcomes(errors=1)
    assert "out_of_disk" in failed.stdout.str()
    assert failed.ret == pytest.ExitCode.TESTS_FAILED
