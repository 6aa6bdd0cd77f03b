"""Commands that do not end in their time, and what interrupts their waits."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pytest_runloop import (
    ArgumentError,
    CommandStillRunningError,
    CommandTimeoutError,
    PollingConfig,
    Runloop,
)

from .fake_api import EXECUTION, FakeApi, answer, refusal

START = "POST /v1/devboxes/dbx_1/execute_async"
WAIT = "POST /v1/devboxes/dbx_1/executions/exc_1/wait_for_status"
KILL = "POST /v1/devboxes/dbx_1/executions/exc_1/kill"
LOOKING = "POST /v1/devboxes/dbx_1/executions/exc_2/wait_for_status"


@pytest.fixture
def devbox(runloop: Any) -> Any:
    """A devbox of each kind of client."""
    return runloop.devbox.from_id("dbx_1")


def hanging(api: FakeApi, report: str) -> None:
    """Let a command end only by a kill, and the command that looks for its processes report."""
    running = {**EXECUTION, "status": "running", "exit_status": None}
    api.on(START, answer(running), answer({**running, "execution_id": "exc_2"}))
    killed = {**EXECUTION, "exit_status": 137}
    api.on(WAIT, lambda _: answer(killed) if KILL in api.calls else refusal(408))
    api.on(LOOKING, answer({**EXECUTION, "stdout": report}))


def test_a_command_over_its_time_is_ended_and_all_that_it_wrote_comes_with_the_error(
    devbox: Any, api: FakeApi
) -> None:
    hanging(api, "done 1\n")
    with pytest.raises(CommandTimeoutError) as caught:
        devbox.cmd.exec("make it", timeout=0.1, request_timeout=9)
    error = caught.value
    assert isinstance(error, TimeoutError)
    assert (error.stdout, error.stderr, error.timeout) == ("one\ntwo\n", "", 0.1)
    assert (error.proven, error.survivors) == (True, ())
    for part in ("make it", "0.1 s", "none is left", "two"):
        assert part in str(error)
    assert api.bodies(KILL) == [{"kill_process_group": True}]
    begun, looking = (body["command"] for body in api.bodies(START))
    mark = begun.split()[3]
    assert begun.endswith("; make it")
    assert f" {mark} " in looking


@pytest.mark.parametrize(
    ("report", "told"),
    [
        ("left 7 (sleep)\ndone 90\n", "7 (sleep)"),
        ("impossible they are too quick\ndone 90\n", "too quick"),
        ("", "did not come to its end"),
    ],
)
def test_what_is_not_proven_to_be_dead_is_told(devbox: Any, api: FakeApi, report: str, told: str) -> None:
    hanging(api, report)
    with pytest.raises(CommandTimeoutError) as caught:
        devbox.cmd.exec("x", timeout=0.1)
    assert not caught.value.proven
    assert told in str(caught.value)


def test_a_kill_that_fails_is_no_proof(devbox: Any, api: FakeApi) -> None:
    hanging(api, "done 1\n")
    api.on(KILL, refusal(404, message="no such devbox"))
    with pytest.raises(CommandTimeoutError, match="no such devbox") as caught:
        devbox.cmd.exec("x", timeout=0.1)
    assert not caught.value.proven


def test_a_shorter_wait_than_the_time_leaves_the_command_running(devbox: Any, api: FakeApi) -> None:
    hanging(api, "done 1\n")
    with pytest.raises(CommandStillRunningError):
        devbox.cmd.exec("x", timeout=60, polling_config=PollingConfig(timeout_seconds=0.1))
    assert KILL not in api.calls


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(devbox: Any, api: FakeApi, timeout: float) -> None:
    with pytest.raises(ArgumentError, match="above 0"):
        devbox.cmd.exec("x", timeout=timeout)
    assert not api.calls


class Interrupt(BaseException):
    """As Ctrl-C, or what pytest-timeout raises in the midst of anything."""


def test_an_interrupted_wait_ends_the_command_and_tells_the_observer() -> None:
    api, told = FakeApi(), []

    class Observer:
        def called(self, call: object) -> None: ...

        def looked_at(self, devbox_id: str, execution_id: str) -> None: ...

        def unfit(self, devbox_id: str, why: str) -> None:
            told.append((devbox_id, why))

    def interrupt(_: httpx.Request) -> httpx.Response:
        raise Interrupt

    api.on(WAIT, interrupt)
    transport = httpx.MockTransport(api)
    with (
        Runloop("http://api.test", "ak", transport=transport, observer=Observer()) as runloop,
        pytest.raises(Interrupt) as caught,
    ):
        runloop.devbox.from_id("dbx_1").cmd.exec("x")
    assert api.bodies(KILL) == [{"kill_process_group": True}]
    assert "was killed" in caught.value.__notes__[0]
    assert [devbox for devbox, _ in told] == ["dbx_1"]
