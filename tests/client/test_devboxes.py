"""Devboxes through the client: making, waiting, ending, listing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pytest_runloop import DevboxFailedError, NotFoundError, PollingConfig, PollingTimeout

from .fake_api import DEVBOX, FakeApi, answer, events, refusal

CREATE = "POST /v1/devboxes/create_and_await_running"
WAIT = "POST /v1/devboxes/dbx_1/wait_for_status"


def test_a_devbox_that_runs_at_once_costs_one_request(runloop: Any, api: FakeApi) -> None:
    devbox = runloop.devbox.create(name="a", metadata={"k": "v"}, entrypoint=None)
    assert devbox.id == "dbx_1"
    assert api.calls == [CREATE]
    assert api.bodies() == [{"name": "a", "metadata": {"k": "v"}, "entrypoint": None}]


def test_a_devbox_that_boots_is_waited_for(runloop: Any, api: FakeApi) -> None:
    api.on(CREATE, answer({**DEVBOX, "status": "provisioning"}))
    runloop.devbox.create(polling_config=PollingConfig(timeout_seconds=20))
    assert api.calls == [CREATE, WAIT]
    waited = api.bodies(WAIT)[0]
    assert waited["statuses"] == ["running", "failure", "shutdown"]
    assert 19 < waited["timeout_seconds"] <= 20


@pytest.mark.parametrize("status", [404, 405])
def test_an_older_service_without_the_new_call_is_asked_the_old_way_and_only_so_later(
    runloop: Any, api: FakeApi, status: int
) -> None:
    api.on(CREATE, refusal(status))
    runloop.devbox.create()
    runloop.devbox.create()
    assert api.calls == [CREATE, "POST /v1/devboxes", "POST /v1/devboxes"]
    assert api.requests[0].headers["x-request-id"] == api.requests[0].headers["x-request-id"]


def test_a_missing_source_that_is_answered_with_404_is_told_and_not_taken_for_an_old_service(
    runloop: Any, api: FakeApi
) -> None:
    api.on("POST /v1/devboxes.*", refusal(404, message="no such snapshot"))
    for _ in range(2):
        with pytest.raises(NotFoundError, match="no such snapshot"):
            runloop.devbox.create(snapshot_id="snp_nope")
    assert api.calls.count(CREATE) == 2


@pytest.mark.parametrize(
    "interruption",
    [
        refusal(408),
        httpx.ReadTimeout("nothing came"),
        httpx.ConnectTimeout("nobody there"),
        httpx.ReadError("cut"),
        httpx.ConnectError("refused"),
        refusal(500),
        refusal(429, retry_after="1"),
    ],
    ids=lambda one: str(one.status_code) if isinstance(one, httpx.Response) else type(one).__name__,
)
@pytest.mark.usefixtures("pauses")
def test_a_wait_goes_on_after_what_may_pass(runloop: Any, api: FakeApi, interruption: Any) -> None:
    api.on(WAIT, interruption, interruption, answer(DEVBOX))
    assert runloop.devbox.from_id("dbx_1").await_running().status == "running"
    assert api.calls == [WAIT] * 3


def test_a_wait_whose_service_is_gone_ends_long_before_its_time(
    runloop: Any, api: FakeApi, pauses: list[float]
) -> None:
    api.on(WAIT, httpx.ConnectError("refused"))
    with pytest.raises(ConnectionError, match="tried 6 times"):
        runloop.devbox.from_id("dbx_1").await_running()
    assert len(api.calls) == 6
    assert sum(pauses) < 40


def test_a_wait_that_is_refused_ends_at_once(runloop: Any, api: FakeApi) -> None:
    api.on(WAIT, refusal(404))
    with pytest.raises(NotFoundError):
        runloop.devbox.from_id("dbx_1").await_running()
    assert len(api.calls) == 1


def test_a_service_that_does_not_hold_its_long_polls_is_not_stormed(
    runloop: Any, api: FakeApi, pauses: list[float]
) -> None:
    api.on(WAIT, *[refusal(408)] * 10, answer({**DEVBOX, "status": "resuming"}), answer(DEVBOX))
    runloop.devbox.from_id("dbx_1").await_running()
    assert pauses[:5] == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8])
    assert pauses[5:] == [1.0] * 6


def test_a_wait_that_takes_too_long_says_how_things_stand_and_what_to_do(runloop: Any, api: FakeApi) -> None:
    api.on(WAIT, answer({**DEVBOX, "status": "initializing"}))
    with pytest.raises(PollingTimeout) as caught:
        runloop.devbox.from_id("dbx_1").await_running(polling_config=PollingConfig(timeout_seconds=0.1))
    assert "it is initializing" in str(caught.value)
    assert "from_id('dbx_1').shutdown()" in str(caught.value)
    assert caught.value.last_value.status == "initializing"  # type: ignore[attr-defined]
    assert isinstance(caught.value, TimeoutError)


def test_a_devbox_that_fails_tells_its_reason_its_way_and_its_log(runloop: Any, api: FakeApi) -> None:
    steps = [{"status": status} for status in ("provisioning", "initializing", "failure")]
    failed = {**DEVBOX, "status": "failure", "failure_reason": "out_of_memory", "state_transitions": steps}
    api.on(CREATE, answer({**DEVBOX, "status": "provisioning"}))
    api.on(WAIT, answer(failed))
    log = {"level": "info", "source": "setup_commands", "timestamp_ms": 1, "message": "boom", "exit_code": 3}
    api.on("GET /v1/devboxes/dbx_1/logs", answer({"logs": [log]}))
    with pytest.raises(DevboxFailedError) as caught:
        runloop.devbox.create()
    text = str(caught.value)
    assert "dbx_1" in text
    assert "out_of_memory" in text
    assert "provisioning → initializing → failure" in text
    assert "setup_commands: boom (exit status 3)" in text
    assert caught.value.devbox_id == "dbx_1"
    assert caught.value.failure_reason == "out_of_memory"


def test_a_failed_devbox_whose_log_cannot_be_had_is_told_without_it(runloop: Any, api: FakeApi) -> None:
    api.on(WAIT, answer({**DEVBOX, "status": "shutdown", "shutdown_reason": "idle"}))
    api.on("GET /v1/devboxes/dbx_1/logs", refusal(500))
    with pytest.raises(DevboxFailedError, match="idle"):
        runloop.devbox.from_id("dbx_1").await_running()


def test_suspend_and_resume_wait_for_the_state(runloop: Any, api: FakeApi) -> None:
    devbox = runloop.devbox.from_id("dbx_1")
    assert devbox.suspend().status == "suspended"
    assert devbox.resume().status == "running"
    assert api.calls == ["POST /v1/devboxes/dbx_1/suspend", WAIT, "POST /v1/devboxes/dbx_1/resume", WAIT]


def test_a_devbox_as_context_manager_is_shut_down(runloop: Any, api: FakeApi) -> None:
    with pytest.raises(ZeroDivisionError), runloop.devbox.create():
        _ = 1 / 0
    assert api.calls[-1] == "POST /v1/devboxes/dbx_1/shutdown"


def test_a_list_fetches_its_pages_and_a_limit_ends_it(runloop: Any, api: FakeApi) -> None:
    def page(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("starting_after", "dbx_0")
        first = int(after.removeprefix("dbx_")) + 1
        items = [{**DEVBOX, "id": f"dbx_{number}"} for number in range(first, first + 2)]
        return answer({"devboxes": items, "has_more": first < 5})

    api.on("GET /v1/devboxes", page)
    assert [devbox.id for devbox in runloop.devbox.list()] == [f"dbx_{n}" for n in range(1, 7)]
    assert api.calls[1:] == ["GET /v1/devboxes?starting_after=dbx_2", "GET /v1/devboxes?starting_after=dbx_4"]
    assert len(list(runloop.devbox.list(limit=2, status="running"))) == 2
    assert api.calls[3:] == ["GET /v1/devboxes?limit=2&status=running"]


def test_an_id_with_strange_characters_stays_one_segment_of_the_path(runloop: Any, api: FakeApi) -> None:
    for devbox_id in ("a/b", "..", "ä ?#%"):
        runloop.devbox.from_id(devbox_id).shutdown()
    assert api.calls == [
        "POST /v1/devboxes/a%2Fb/shutdown",
        "POST /v1/devboxes/%2E%2E/shutdown",
        "POST /v1/devboxes/%C3%A4%20%3F%23%25/shutdown",
    ]


def test_an_empty_id_is_refused_before_anything_is_sent(runloop: Any, api: FakeApi) -> None:
    with pytest.raises(ValueError, match="id is empty"):
        runloop.devbox.from_id("").shutdown()
    assert api.calls == []


def test_a_misspelt_parameter_is_refused_with_the_right_one(runloop: Any, api: FakeApi) -> None:
    with pytest.raises(TypeError, match="did you mean `blueprint_name`"):
        runloop.devbox.create(bluprint_name="x")
    assert api.calls == []


def test_what_the_service_leaves_out_is_none_and_what_it_adds_is_kept(runloop: Any, api: FakeApi) -> None:
    api.on(
        "GET /v1/devboxes/dbx_1",
        answer({"id": "dbx_1", "mcp_specs": {"key": "t"}, "state_transitions": [{}]}),
    )
    view = runloop.devbox.from_id("dbx_1").get_info()
    assert view.status is None
    assert view.create_time_ms is None
    assert view.mcp_specs == {"key": "t"}
    assert view.state_transitions[0].status is None
    assert view.metadata == {}


def test_usage_is_what_the_service_counts(runloop: Any, api: FakeApi) -> None:
    counted = {"id": "dbx_1", "status": "running", "start_time_ms": 1, "vcpu_seconds": 7}
    api.on("GET /v1/devboxes/dbx_1/usage", answer(counted))
    assert runloop.devbox.from_id("dbx_1").usage().vcpu_seconds == 7


def test_a_log_is_followed_line_by_line(runloop: Any, api: FakeApi) -> None:
    lines = [{"level": "info", "source": "exec", "timestamp_ms": n, "message": str(n)} for n in range(3)]
    api.on("GET /v1/devboxes/dbx_1/logs/tail", events(*lines))
    followed = runloop.devbox.from_id("dbx_1").tail_logs(execution_id="exc_1")
    assert [line.message for line in followed] == ["0", "1", "2"]
    assert api.calls == ["GET /v1/devboxes/dbx_1/logs/tail?execution_id=exc_1"]


def test_a_log_that_is_left_before_its_end_is_closed(runloop: Any, api: FakeApi) -> None:
    lines = [{"level": "info", "source": "exec", "timestamp_ms": n, "message": str(n)} for n in range(3)]
    api.on("GET /v1/devboxes/dbx_1/logs/tail", events(*lines))
    with runloop.devbox.from_id("dbx_1").tail_logs() as followed:
        assert next(followed).message == "0"
    assert list(followed) == []


def test_an_error_in_the_middle_of_a_log_is_raised(runloop: Any, api: FakeApi) -> None:
    line = {"level": "info", "source": "exec", "timestamp_ms": 1, "message": "one"}
    api.on("GET /v1/devboxes/dbx_1/logs/tail", events(line, ("error", {"code": 404, "message": "gone"})))
    followed = runloop.devbox.from_id("dbx_1").tail_logs()
    assert next(followed).message == "one"
    with pytest.raises(NotFoundError, match="gone"):
        next(followed)
