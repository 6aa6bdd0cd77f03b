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
    assert failed.parseoutcomes() == {"environment": 1}
    assert "out_of_disk" in failed.stdout.str()
    assert failed.ret == pytest.ExitCode.TESTS_FAILED


_GATES = """
from concurrent.futures import ThreadPoolExecutor

def test_is_held(devbox, runloop_faults):
    gate = runloop_faults.gate(f"gate@write_file_contents:devbox={devbox.id}:name=door")
    with pytest.raises(TimeoutError, match="0 of 1 stood at the gate `door`"):
        gate.wait(timeout=0)
    with ThreadPoolExecutor() as pool, gate:
        writing = [pool.submit(devbox.file.write, file_path=name, contents="x") for name in ("a", "b", "c")]
        assert [held["devbox_id"] for held in gate.wait(3)] == [devbox.id] * 3
        assert gate.release(2) == 2
        assert gate.release() == 1
        for written in writing:
            written.result()
        writing = pool.submit(devbox.file.write, file_path="d", contents="x")
        gate.wait()
    writing.result()
    assert devbox.file.read(file_path="d") == "x"
    assert {entry["rule"] for entry in runloop_faults.log()} == {"door"}

def test_nothing_of_it_is_left_and_a_mistake_is_told(devbox, runloop_faults):
    assert runloop_faults.log() == []
    assert runloop_faults.add(f"http_500@write_file_contents:devbox={devbox.id}:name=door") == "door"
    wrongs = (("gat:moment=boot", "no gate"), ("gate:momnt=boot", "moment"), ("gate@*:name=door", "door"))
    for wrong, word in wrongs:
        with pytest.raises(ValueError, match=word):
            runloop_faults.gate(wrong)
"""


def test_a_test_holds_calls_at_a_gate_of_its_own(suite: Suite) -> None:
    suite.pytester.makeini("[pytest]\nrunloop_faults = seed=1\n")
    suite.write(_GATES)
    suite.run().assert_outcomes(passed=2)


def test_without_a_plan_or_on_the_cloud_the_fixture_says_what_to_do(suite: Suite) -> None:
    suite.write("def test_asks(runloop_faults): pass")
    plain = suite.run()
    plain.assert_outcomes(errors=1)
    plain.stdout.fnmatch_lines(["*`runloop_faults = seed=1` in the ini file*--runloop-faults=seed=1*"])
    assert "Traceback" not in plain.stdout.str()
    cloud = suite.run("--runloop-base-url=http://127.0.0.1:1")
    cloud.assert_outcomes(errors=1)
    cloud.stdout.fnmatch_lines(["*works on the local backend only*", "*--runloop-backend=local*"])
