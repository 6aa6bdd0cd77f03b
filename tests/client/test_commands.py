"""Commands through the client: outcome, output, callbacks, standard input, ends."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from pytest_runloop import (
    APIError,
    BadRequestError,
    CommandFailedError,
    CommandStillRunningError,
    PollingConfig,
    RunloopError,
)

from .fake_api import EXECUTION, FakeApi, answer, events, refusal

START = "POST /v1/devboxes/dbx_1/execute_async"
WAIT = "POST /v1/devboxes/dbx_1/executions/exc_1/wait_for_status"
STDOUT = "GET /v1/devboxes/dbx_1/executions/exc_1/stream_stdout_updates"
STDERR = "GET /v1/devboxes/dbx_1/executions/exc_1/stream_stderr_updates"
KILL = "POST /v1/devboxes/dbx_1/executions/exc_1/kill"


@pytest.fixture
def devbox(runloop: Any) -> Any:
    """A devbox of each kind of client."""
    return runloop.devbox.from_id("dbx_1")


def test_a_command_is_started_and_waited_for(devbox: Any, api: FakeApi) -> None:
    result = devbox.cmd.exec("echo")
    assert (result.exit_code, result.success, result.failed) == (0, True, False)
    assert (result.stdout(), result.stderr()) == ("one\ntwo\n", "")
    assert api.calls == [START, WAIT]
    assert api.bodies() == [
        {"command": "echo"},
        {"statuses": ["completed"], "timeout_seconds": pytest.approx(25)},
    ]


def test_a_short_budget_shortens_the_hold(devbox: Any, api: FakeApi) -> None:
    devbox.cmd.exec("echo", polling_config=PollingConfig(interval_seconds=2, max_attempts=3))
    assert 5 < api.bodies(WAIT)[0]["timeout_seconds"] <= 6


def test_a_long_command_is_waited_for_hold_after_hold(devbox: Any, api: FakeApi, pauses: list[float]) -> None:
    api.on(WAIT, refusal(408), refusal(408), answer(EXECUTION))
    assert devbox.cmd.exec("sleep").success
    assert api.calls == [START, WAIT, WAIT, WAIT]
    assert pauses


def test_the_last_lines_come_without_a_request_where_they_are_known(devbox: Any, api: FakeApi) -> None:
    api.on(WAIT, answer({**EXECUTION, "stdout": "a\nb\nc\n\n"}))
    result = devbox.cmd.exec("x")
    assert result.stdout(num_lines=2) == "b\nc"
    assert result.stdout(num_lines=0) == ""
    assert result.stdout(num_lines=9) == "a\nb\nc"
    assert api.calls == [START, WAIT]


def test_truncated_output_is_fetched_whole(devbox: Any, api: FakeApi) -> None:
    api.on(WAIT, answer({**EXECUTION, "stdout": "98\n99\n", "stdout_truncated": True}))
    api.on(STDOUT, events(*({"output": f"{n}\n"} for n in range(100))))
    result = devbox.cmd.exec("seq")
    assert result.stdout(num_lines=2) == "98\n99"
    assert api.calls == [START, WAIT]
    assert result.stdout() == "".join(f"{n}\n" for n in range(100))
    assert result.stdout(num_lines=3) == "97\n98\n99"
    assert api.calls == [START, WAIT, STDOUT, STDOUT]


def test_check_returns_the_result_of_a_command_that_succeeded(devbox: Any) -> None:
    assert devbox.cmd.exec("true").check().exit_code == 0


@pytest.mark.parametrize(
    ("exit_code", "meaning"),
    [(127, "command not found"), (137, "SIGKILL"), (3, "exit status 3 in devbox dbx_1")],
)
def test_check_raises_with_command_status_and_both_outputs(
    devbox: Any, api: FakeApi, exit_code: int, meaning: str
) -> None:
    view = {**EXECUTION, "exit_status": exit_code, "stdout": "some output\n", "stderr": "some complaint\n"}
    api.on(WAIT, answer(view))
    result = devbox.cmd.exec("make it")
    with pytest.raises(CommandFailedError) as caught:
        result.check()
    for part in (meaning, "make it", "some output", "some complaint"):
        assert part in str(caught.value)
    assert caught.value.exit_code == exit_code


def test_a_large_output_is_told_by_its_end(devbox: Any, api: FakeApi) -> None:
    api.on(WAIT, answer({**EXECUTION, "exit_status": 1, "stdout": "x" * 1_000_000 + "the end"}))
    with pytest.raises(CommandFailedError) as caught:
        devbox.cmd.exec("x").check()
    assert len(str(caught.value)) < 20_000
    assert "the end" in str(caught.value)
    assert "characters are left out" in str(caught.value)


def test_a_command_without_exit_status_is_not_taken_for_a_success(devbox: Any, api: FakeApi) -> None:
    api.on(WAIT, answer({**EXECUTION, "exit_status": None}))
    assert devbox.cmd.exec("x").failed


def test_callbacks_get_their_outputs_in_order(devbox: Any, api: FakeApi) -> None:
    api.on(STDERR, events({"output": "complaint"}))
    stdout: list[str] = []
    stderr: list[str] = []
    both: list[str] = []
    result = devbox.cmd.exec("x", stdout=stdout.append, stderr=stderr.append, output=both.append)
    assert stdout == ["one\n", "two\n"]
    assert "".join(stdout) == result.stdout()
    assert stderr == ["complaint"]
    assert sorted(both) == ["complaint", "one\n", "two\n"]


def test_an_output_that_nobody_wants_is_not_followed(devbox: Any, api: FakeApi) -> None:
    devbox.cmd.exec("x", stderr=lambda piece: None)
    assert STDERR in api.calls
    assert STDOUT not in api.calls


def test_callbacks_of_one_command_never_run_at_the_same_time(devbox: Any, api: FakeApi) -> None:
    api.on(STDOUT, events(*[{"output": "o"}] * 50))
    api.on(STDERR, events(*[{"output": "e"}] * 50))
    inside = threading.Lock()
    pieces: list[str] = []

    def callback(piece: str) -> None:
        assert inside.acquire(blocking=False)
        pieces.append(piece)
        inside.release()

    devbox.cmd.exec("x", output=callback)
    assert sorted(pieces) == ["e"] * 50 + ["o"] * 50


class Unwanted(BaseException):
    """As pytest's own outcomes, not an `Exception`."""


@pytest.mark.parametrize("error", [ValueError, Unwanted])
def test_what_a_callback_raises_ends_the_command_and_comes_out(
    devbox: Any, api: FakeApi, error: type[BaseException]
) -> None:
    def callback(piece: str) -> None:
        raise error("of the callback")

    with pytest.raises(error, match="of the callback"):
        devbox.cmd.exec("x", stdout=callback)
    assert api.bodies(KILL) == [{"kill_process_group": True}]


def test_a_callback_error_comes_out_although_the_command_cannot_be_killed(devbox: Any, api: FakeApi) -> None:
    api.on(KILL, refusal(404, message="already gone"))

    def callback(piece: str) -> None:
        raise ValueError("of the callback")

    with pytest.raises(ValueError, match="of the callback") as caught:
        devbox.cmd.exec("x", stdout=callback)
    assert "already gone" in caught.value.__notes__[0]


def test_output_that_cannot_be_had_is_an_error_and_no_silence(devbox: Any, api: FakeApi) -> None:
    api.on(STDOUT, refusal(404, message="no such execution"))
    with pytest.raises(APIError, match="no such execution"):
        devbox.cmd.exec("x", stdout=lambda piece: None)


def test_a_started_command_is_followed_until_its_result_is_asked_for(devbox: Any) -> None:
    pieces: list[str] = []
    execution = devbox.cmd.exec_async("x", stdout=pieces.append)
    assert (execution.devbox_id, execution.execution_id) == ("dbx_1", "exc_1")
    assert execution.result().stdout() == "".join(pieces)


def test_asking_twice_for_a_result_waits_once(devbox: Any, api: FakeApi) -> None:
    execution = devbox.cmd.exec_async("x")
    execution.result()
    execution.result()
    assert api.calls == [START, WAIT]


def test_standard_input_is_written_interrupted_and_closed(devbox: Any, api: FakeApi) -> None:
    execution = devbox.cmd.exec_async("cat", attach_stdin=True)
    execution.send_std_in("text\n")
    execution.interrupt()
    execution.close_std_in()
    assert api.bodies(".*send_std_in") == [{"text": "text\n"}, {"signal": "INTERRUPT"}, {"signal": "EOF"}]


def test_input_that_was_not_taken_is_an_error(devbox: Any, api: FakeApi) -> None:
    api.on(".*send_std_in", answer({"success": False}))
    with pytest.raises(RunloopError, match="attach_stdin"):
        devbox.cmd.exec_async("cat").send_std_in("text")


def test_kill_ends_the_process_or_its_group(devbox: Any, api: FakeApi) -> None:
    execution = devbox.cmd.execution("exc_1")
    execution.kill()
    execution.kill(kill_process_group=True)
    assert api.bodies(KILL) == [{}, {"kill_process_group": True}]


def test_a_command_that_outlasts_its_wait_tells_its_id_and_output_and_runs_on(
    devbox: Any, api: FakeApi
) -> None:
    api.on(WAIT, refusal(408))
    with pytest.raises(CommandStillRunningError) as caught:
        devbox.cmd.exec("sleep 99", polling_config=PollingConfig(timeout_seconds=0.1))
    error = caught.value
    assert (error.devbox_id, error.execution_id, error.stdout) == ("dbx_1", "exc_1", "one\ntwo\n")
    for part in ("sleep 99", "exc_1", "still runs", "polling_config", "two"):
        assert part in str(error)
    assert isinstance(error, TimeoutError)
    assert not api.bodies(KILL)


def test_a_named_shell_sends_its_name_and_a_nameless_one_makes_one_up(devbox: Any, api: FakeApi) -> None:
    devbox.shell("build").exec("cd /")
    devbox.shell().exec_async("pwd")
    names = [body["shell_name"] for body in api.bodies(START)]
    assert names[0] == "build"
    assert names[1].startswith("shell-")


def test_a_service_without_named_shells_is_passed_on_with_an_explanation(devbox: Any, api: FakeApi) -> None:
    api.on(START, refusal(400, message="unknown field shell_name"))
    with pytest.raises(BadRequestError, match="unknown field") as caught:
        devbox.shell("build").exec("pwd")
    assert "Named shells left Runloop's service" in caught.value.__notes__[0]


def test_a_repeated_start_carries_the_same_key_and_a_new_one_another(
    devbox: Any, api: FakeApi, pauses: list[float]
) -> None:
    api.on(START, httpx.ReadError("cut"), refusal(503), answer(EXECUTION))
    devbox.cmd.exec("one")
    devbox.cmd.exec("two", idempotency_key="mine")
    keys = [request.headers["x-request-id"] for request in api.requests if request.url.path in START]
    assert keys[0] == keys[1] == keys[2]
    assert keys[3] == "mine"
    assert len(pauses) == 2
