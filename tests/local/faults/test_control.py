"""What the routes below `/_local/` do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from pytest_runloop.local.faults import FaultPlan, Faults, with_faults

from .conftest import Toy, awaited

EVERY_ROUTE = [
    ("GET", "/_local/faults"),
    ("POST", "/_local/faults"),
    ("POST", "/_local/faults/rules"),
    ("POST", "/_local/faults/rules/x/remove"),
    ("GET", "/_local/faults/log"),
    ("GET", "/_local/gates"),
    ("POST", "/_local/gates/x/wait"),
    ("POST", "/_local/gates/x/release"),
    ("GET", "/_local/elsewhere"),
]


@pytest.mark.parametrize(("verb", "path"), EVERY_ROUTE)
@pytest.mark.parametrize("key", [None, "Bearer wrong", "Bearer", "ak_toy", "Bearer caf\xe9"])
def test_every_route_asks_for_the_key(toy: Toy, verb: str, path: str, key: str | None) -> None:
    headers = [] if key is None else [(b"authorization", key.encode("latin-1"))]
    answer = httpx.request(verb, f"http://127.0.0.1:{toy.port}{path}", headers=headers, trust_env=False)
    assert answer.status_code == 401


def refused(toy: Toy, verb: str, path: str, body: object = None) -> tuple[int, str]:
    answer = toy.http.request(verb, path, json=body)
    return answer.status_code, answer.json()["message"]


def test_an_unknown_route_is_told(toy: Toy) -> None:
    assert refused(toy, "GET", "/_local/elsewhere") == (404, "there is no GET /_local/elsewhere")


def test_the_plan_can_be_read_and_set_in_both_forms(toy: Toy) -> None:
    text = "seed=3, rtt=0.001, lost=0.5@create:nth=100"
    as_text = toy.post("/_local/faults", {"text": text})
    as_json = toy.post("/_local/faults", FaultPlan.parse(text).as_json())
    assert as_text == as_json == toy.get("/_local/faults")
    assert FaultPlan.parse(as_text["text"]) == FaultPlan.parse(as_text["plan"]) == FaultPlan.parse(text)


def test_a_wrong_plan_is_refused_and_the_old_one_stays(toy: Toy) -> None:
    toy.plan("seed=5")
    status, message = refused(toy, "POST", "/_local/faults", {"text": "sed=3"})
    assert (status, "did you mean `seed`" in message) == (400, True)
    assert toy.get("/_local/faults")["text"] == "seed=5"


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(toy: Toy, body: bytes) -> None:
    assert toy.http.post("/_local/faults", content=body).status_code == 400


def test_setting_a_plan_begins_to_count_anew(toy: Toy) -> None:
    for _ in range(2):
        toy.plan("http_500@create:nth=2")
        assert [toy.http.post("/v1/devboxes", json={}).status_code for _ in range(3)] == [200, 500, 200]


def test_a_rule_comes_and_goes_while_others_go_on_counting(toy: Toy) -> None:
    toy.plan("http_500@create:nth=3")
    toy.create()
    name = toy.post("/_local/faults/rules", {"text": "http_503@create:nth=1"})["name"]
    statuses = [toy.http.post("/v1/devboxes", json={}).status_code for _ in range(2)]
    toy.post(f"/_local/faults/rules/{name}/remove")
    assert (name, statuses) == ("http2", [503, 500])
    assert [rule["name"] for rule in toy.get("/_local/faults")["plan"]["rules"]] == ["http1"]


def test_a_rule_can_be_given_as_json_with_a_name(toy: Toy) -> None:
    rule = {"fault": "lost", "endpoint": "create", "name": "mine"}
    assert toy.post("/_local/faults/rules", rule) == {"name": "mine"}
    assert refused(toy, "POST", "/_local/faults/rules", rule)[0] == 409


def test_an_automatic_name_is_a_free_one(toy: Toy) -> None:
    toy.plan("gate@create:nth=9:name=gate2")
    assert toy.post("/_local/faults/rules", {"text": "gate@create:nth=9"})["name"] == "gate3"


def test_an_unknown_rule_cannot_be_removed(toy: Toy) -> None:
    toy.plan("lost@create:nth=9")
    status, message = refused(toy, "POST", "/_local/faults/rules/lst1/remove")
    assert (status, message) == (404, "there is no rule `lst1`, did you mean `lost1`?")


def test_the_log_tells_what_happened_in_order(toy: Toy) -> None:
    toy.plan("http_503@create:nth=1, lost@create:nth=2, die_idle:command=no")
    toy.http.post("/v1/devboxes", json={}, headers={"x-request-id": "key-1"})
    toy.wire("POST", "/v1/devboxes")
    first, second = toy.log()
    assert second["number"] == first["number"] + 1 == toy.get("/_local/faults/log")["last"]
    assert (first["fault"], first["rule"], first["endpoint"]) == ("http", "http1", "devboxes.create")
    assert (first["occurrence"], first["request_id"], first["detail"]["status"]) == (1, "key-1", 503)
    assert (second["fault"], second["occurrence"]) == ("lost", 2)


def test_the_log_refuses_a_place_that_is_none(toy: Toy) -> None:
    assert refused(toy, "GET", "/_local/faults/log?after=x")[0] == 400


def held(toy: Toy, gate: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait until so many stand at the gate, and return who."""
    view = toy.post(f"/_local/gates/{gate}/wait", {"count": count, "timeout_seconds": 30})
    found: list[dict[str, Any]] = view["held"]
    return found


def test_a_gate_holds_a_call_before_its_work(toy: Toy) -> None:
    toy.plan("gate@create:name=g")
    with ThreadPoolExecutor() as pool:
        creating = pool.submit(toy.create)
        who = held(toy, "g")
        assert (who[0]["endpoint"], who[0]["occurrence"], toy.work()) == ("devboxes.create", 1, [])
        assert toy.post("/_local/gates/g/release")["went"] == 1
        creating.result(30)
    assert toy.work() == ["create"]


def test_a_gate_holds_the_answer_after_the_work(toy: Toy) -> None:
    toy.plan("gate@create:name=g:after")
    with ThreadPoolExecutor() as pool:
        creating = pool.submit(toy.create)
        held(toy, "g")
        assert toy.work() == ["create"]
        assert not creating.done()
        toy.post("/_local/gates/g/release")
        creating.result(30)


def test_a_gate_holds_just_the_call_that_was_named(toy: Toy) -> None:
    toy.plan("gate@create:nth=2")
    toy.create()
    with ThreadPoolExecutor() as pool:
        second = pool.submit(toy.create)
        held(toy, "gate1")
        toy.create()
        assert not second.done()
        toy.post("/_local/gates/gate1/release")
        second.result(30)


def test_the_first_calls_go_first(toy: Toy) -> None:
    toy.plan("gate@create:name=g")
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(toy.create) for _ in range(3)]
        held(toy, "g", 3)
        assert toy.post("/_local/gates/g/release", {"count": 2})["went"] == 2
        left = toy.get("/_local/gates")["gates"][0]["held"]
        assert [who["occurrence"] for who in left] == [3]
        toy.post("/_local/gates/g/release", {"open": True})
        for call in calls:
            call.result(30)
    toy.create()


def test_waiting_at_a_gate_where_nobody_comes_ends(toy: Toy) -> None:
    toy.plan("gate@create:name=g")
    answer = toy.http.post("/_local/gates/g/wait", json={"timeout_seconds": 0.05})
    assert (answer.status_code, answer.headers["x-should-retry"]) == (408, "false")
    assert answer.json()["message"] == "0 of 1 stood at the gate `g` after 0.05 s"


def test_a_gate_that_is_none_is_told(toy: Toy) -> None:
    toy.plan("gate@create:name=door")
    assert refused(toy, "POST", "/_local/gates/dor/release", {}) == (
        404,
        "the plan has no gate `dor`, did you mean `door`?",
    )
    assert refused(toy, "POST", "/_local/gates/door/release", {"cont": 1})[0] == 400


def test_another_plan_ends_the_waits_of_the_one_before(toy: Toy) -> None:
    toy.plan("delay@create:by=1h")
    with ThreadPoolExecutor() as pool:
        creating = pool.submit(toy.create)
        awaited(lambda: bool(toy.log()))
        toy.plan("")
        creating.result(30)


@pytest.mark.parametrize("way", ["plan", "remove"])
def test_whoever_stands_at_a_gate_that_goes_away_goes_on(toy: Toy, way: str) -> None:
    toy.plan("gate@create:name=g")
    with ThreadPoolExecutor() as pool:
        creating = pool.submit(toy.create)
        held(toy, "g")
        if way == "plan":
            toy.plan("")
        else:
            toy.post("/_local/faults/rules/g/remove")
        creating.result(30)


def test_a_client_that_gives_up_leaves_the_gate_only_when_released(toy: Toy) -> None:
    toy.plan("gate@create:name=g")
    assert toy.wire("POST", "/v1/devboxes", b"{}", patience=0.1).ending == "open"
    assert len(held(toy, "g")) == 1
    toy.post("/_local/gates/g/release")
    # Its work is done all the same: the request had arrived.
    toy.plan("")
    toy.create()
    assert toy.work() == ["create", "create"]


def test_nobody_stands_at_a_gate_whose_stream_was_given_up(toy: Toy) -> None:
    toy.plan("gate@executions.*:name=g:after")
    path = "/v1/devboxes/dbx_1/executions/exe_1/stream_stdout_updates"
    assert toy.wire("GET", path, patience=0.1).ending == "open"
    awaited(lambda: toy.get("/_local/gates")["gates"][0]["held"] == [])
    assert [entry["fault"] for entry in toy.log()] == ["gate"]


@pytest.mark.asyncio
async def test_without_faults_the_application_is_left_as_it_is() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    assert with_faults(app, None, "key") is app
    assert with_faults(app, Faults(), "key") is not app


@pytest.mark.asyncio
async def test_a_server_that_keeps_its_connections_to_itself_is_told_what_to_do() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    faulty = with_faults(app, Faults("reset@*"), "key")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(faulty), base_url="http://toy") as http:
        with pytest.raises(RuntimeError, match="http=FaultableProtocol"):
            await http.post("/v1/devboxes", json={})
