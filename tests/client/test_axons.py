"""Axons: what their handles ask for, and events over connections that break."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from pytest_runloop import BadRequestError, ConflictError, InternalServerError

from .conftest import MakeClient
from .fake_api import AXON, EVENT, FakeApi, answer, events, refusal
from .loopback import Exchange, serving

SSE = "GET /v1/axons/axn_1/subscribe/sse"
RETRIEVE = "GET /v1/axons/axn_1"
DELETED = answer({**AXON, "deleted_at_ms": 2})


def event(sequence: int) -> dict[str, Any]:
    """Return an event."""
    return {**EVENT, "sequence": sequence, "payload": f"é{sequence}"}


class Cutter:
    """Serves 60 events, and breaks off the first connections in the middle of one, each further on."""

    def __init__(self, cut_at: int) -> None:
        self.cut_at = cut_at
        self.asked: list[int] = []

    def __call__(self, exchange: Exchange) -> None:
        if "/subscribe/sse" not in exchange.target:
            exchange.answer(json.dumps({**AXON, "deleted_at_ms": 2}).encode())
            return
        after = int(parse_qs(urlsplit(exchange.target).query).get("after_sequence", ["0"])[0])
        self.asked.append(after)
        exchange.begin()
        for number in range(after + 1, 61):
            data = b": a comment\n\ndata: " + json.dumps(event(number), ensure_ascii=False).encode() + b"\n\n"
            if number == after + 8 and len(self.asked) <= 6:
                exchange.chunk(data[: self.cut_at])
                exchange.cut()
                return
            exchange.chunk(data)
        exchange.chunk(b"")


@pytest.mark.parametrize("cut_at", [1, 14, 40, -2, -1])
def test_events_come_once_and_in_order_however_often_the_connection_breaks(
    make_client: MakeClient, cut_at: int, pauses: list[float]
) -> None:
    cutter = Cutter(cut_at)
    with serving(cutter) as url, make_client(url).axon.from_id("axn_1").subscribe_sse() as stream:
        got = [one.sequence for one in stream]
    assert got == list(range(1, 61))
    assert cutter.asked == [0, 7, 14, 21, 28, 35, 42]


def test_a_stream_that_ends_is_resumed_until_the_axon_is_deleted(
    runloop: Any, api: FakeApi, pauses: list[float]
) -> None:
    late = ("error", {"code": 408, "message": "time is up"})
    api.on(SSE, events(event(4)), events(late), events(event(5), event(6)), refusal(409, "axon_deleted"))
    api.on(RETRIEVE, answer(AXON), answer(AXON), DELETED)
    stream = runloop.axon.from_id("axn_1").subscribe_sse(after_sequence=3)
    assert [one.payload for one in stream] == ["é4", "é5", "é6"]
    asked = [request.url.query for request in api.requests if request.url.path.endswith("/sse")]
    assert asked == [b"after_sequence=3", b"after_sequence=4", b"after_sequence=4", b"after_sequence=6"]


def test_an_axon_that_is_gone_altogether_ends_its_events(
    runloop: Any, api: FakeApi, pauses: list[float]
) -> None:
    api.on(SSE, events(event(1)), refusal(404, "not_found"))
    api.on(RETRIEVE, answer(AXON), refusal(404, "not_found"))
    assert [one.sequence for one in runloop.axon.from_id("axn_1").subscribe_sse()] == [1]


def test_following_a_deleted_axon_is_an_error(runloop: Any, api: FakeApi) -> None:
    api.on(SSE, refusal(409, "axon_deleted", x_should_retry="false"))
    with pytest.raises(ConflictError, match="axon_deleted"):
        next(iter(runloop.axon.from_id("axn_1").subscribe_sse()))


def test_an_error_among_the_events_is_raised_when_it_does_not_pass(
    runloop: Any, api: FakeApi, pauses: list[float]
) -> None:
    api.on(SSE, events(event(1), ("error", {"code": 400, "message": "alas"})))
    stream = iter(runloop.axon.from_id("axn_1").subscribe_sse())
    assert next(stream).sequence == 1
    with pytest.raises(BadRequestError, match="alas"):
        next(stream)
    api.on(SSE, events(("error", {"code": 500, "message": "again and again"})))
    with pytest.raises(InternalServerError, match="again and again"):
        next(iter(runloop.axon.from_id("axn_1").subscribe_sse()))
    assert len(pauses) == 5


def test_events_are_listed_over_pages(runloop: Any, api: FakeApi) -> None:
    def page(request: httpx.Request) -> httpx.Response:
        before = int(request.url.params.get("starting_after", "6"))
        return answer({"events": [event(before - 1), event(before - 2)], "has_more": before > 4})

    api.on("GET /v1/axons/axn_1/events", page)
    axon = runloop.axon.from_id("axn_1")
    assert [one.sequence for one in axon.list_events()] == [5, 4, 3, 2]
    assert [one.sequence for one in axon.list_events(limit=2)] == [5, 4]


def test_handles_ask_for_what_they_are_called(runloop: Any, api: FakeApi) -> None:
    axon = runloop.axon.create(name="a")
    assert axon.id == "axn_1"
    assert [one.id for one in runloop.axon.list()] == ["axn_1"]
    axon.update(metadata={})
    axon.publish(event_type="e", origin="USER_EVENT", payload="{}", source="s")
    assert axon.sql.query(sql="SELECT 1").meta.duration_ms == 1.5
    assert axon.sql.batch(statements=[]).results == []
    api.on("DELETE /v1/axons/axn_1", answer({}))
    assert axon.delete() is None
    assert api.calls == [
        "POST /v1/axons",
        "GET /v1/axons",
        "POST /v1/axons/axn_1",
        "POST /v1/axons/axn_1/publish",
        "POST /v1/axons/axn_1/sql/query",
        "POST /v1/axons/axn_1/sql/batch",
        "DELETE /v1/axons/axn_1",
    ]
    assert api.bodies("DELETE .*") == [None]


def test_a_publication_that_is_repeated_has_one_key(runloop: Any, api: FakeApi, pauses: list[float]) -> None:
    api.on("POST .*/publish", refusal(503), answer({"sequence": 7, "timestamp_ms": 1}))
    sent = {"event_type": "e", "origin": "USER_EVENT", "payload": "{}", "source": "s"}
    assert runloop.axon.from_id("axn_1").publish(**sent).sequence == 7
    assert len({request.headers["x-request-id"] for request in api.requests}) == 1
    api.on("DELETE .*", refusal(503), answer({}))
    runloop.axon.from_id("axn_1").delete()
    assert len({request.headers["x-request-id"] for request in api.requests[-2:]}) == 1
