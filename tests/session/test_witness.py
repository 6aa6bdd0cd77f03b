"""What calls prove, and what they only hint at, is known from the calls of the client alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import httpx
import pytest

from pytest_runloop import PollingConfig, Runloop
from pytest_runloop.client.errors import RunloopError
from pytest_runloop.session.verdict.verdict import Kind
from pytest_runloop.session.verdict.witness import Witness

LIFE = {"create_time_ms": 0, "end_time_ms": 1, "launch_parameters": {}, "metadata": {}, "capabilities": []}


def answer(request: httpx.Request) -> httpx.Response:
    """Answer as devboxes do that are as their names say."""
    *_, devbox, step = (part for part in request.url.path.split("/") if part != "executions")
    if step == "wait_for_status":
        devbox = request.url.path.split("/")[3]
    if devbox == "gone":
        return httpx.Response(400, json={"code": "devbox_not_running", "message": "it has ended"})
    if devbox == "mute":
        return httpx.Response(503, headers={"x-should-retry": "false"})
    if step == "shutdown":
        status = {"status": "failure", "failure_reason": "out_of_memory"}
        return httpx.Response(200, json={"id": devbox, **LIFE, **status})
    if step == "read_file_contents":
        return httpx.Response(400, json={"message": "there is no such file"})
    ended = {"status": "completed", "exit_status": 137 if devbox == "killed" else 1}
    return httpx.Response(200, json={"devbox_id": devbox, "execution_id": "exn", "stdout": "", **ended})


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def client(witness: Witness) -> Iterator[Runloop]:
    transport = httpx.MockTransport(answer)
    with Runloop("http://127.0.0.1:1", "key", max_retries=0, transport=transport, observer=witness) as client:
        yield client


def test_a_death_is_hinted_at_by_what_came_of_it_and_by_no_failure_of_the_code(
    client: Runloop, witness: Witness
) -> None:
    for name in ("fine", "killed", "gone", "mute"):
        with contextlib.suppress(RunloopError):
            client.devbox.from_id(name).cmd.exec("any")
    with pytest.raises(RunloopError):
        client.devbox.from_id("fine").file.read(file_path="none")
    client.devbox.from_id("over").shutdown()
    hinted = {name for name in ("fine", "killed", "gone", "mute", "over") if witness.hinted(name, 0.0)}
    assert hinted == {"killed", "gone", "mute", "over"}
    assert not any(witness.hinted(name, time.time() + 1) for name in hinted)
    told = witness.ended("over")
    assert told is not None
    assert told.failure_reason == "out_of_memory"
    assert witness.ended("gone") is None


def test_what_a_wait_proved_counts_for_the_test_that_waited_alone(client: Runloop, witness: Witness) -> None:
    waiting = PollingConfig(timeout_seconds=0.1, max_attempts=1)
    with pytest.raises(RunloopError):
        client.devbox.from_id("mute").cmd.execution("exn").result(polling_config=waiting)
    proven = witness.last_wait(0.0)
    assert proven is not None
    assert proven.kind is Kind.TRANSPORT_FAILED
    assert witness.last_wait(time.time() + 1) is None
