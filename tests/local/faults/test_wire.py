"""What a client sees on the wire of each fault."""

from __future__ import annotations

import json
import socket
import time

import httpx
import pytest

from .conftest import Toy, awaited
from .toy import DOWNLOAD, KEY, STREAM
from .wire import read_slowly

STREAMING = "/v1/devboxes/dbx_1/executions/exe_1/stream_stdout_updates"
DOWNLOADING = "/v1/devboxes/dbx_1/download_file"


def test_without_a_plan_answers_are_untouched(toy: Toy) -> None:
    seen = toy.wire("GET", STREAMING)
    assert (seen.status, seen.body, seen.ending) == (200, STREAM, "whole")
    assert toy.log() == []


def test_an_error_before_the_work_keeps_the_call_from_the_application(toy: Toy) -> None:
    toy.plan("http_503@devboxes.create")
    seen = toy.wire("POST", "/v1/devboxes")
    assert (seen.status, seen.ending) == (503, "whole")
    assert "http1" in json.loads(seen.body)["message"]
    assert toy.work() == []


def test_an_error_after_the_work_replaces_the_answer(toy: Toy) -> None:
    toy.plan("http_500@devboxes.create:after")
    seen = toy.wire("POST", "/v1/devboxes")
    assert seen.status == 500
    assert json.loads(seen.body)["error"] == "internal_server_error"
    assert toy.work() == ["create"]


def test_the_connection_lives_on_after_an_injected_answer(toy: Toy) -> None:
    toy.plan("http_500@devboxes.create:after:nth=1, http_503@devboxes.create:nth=2")
    statuses = [toy.http.post("/v1/devboxes", json={}).status_code for _ in range(3)]
    assert statuses == [500, 503, 200]


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("", (None, None)),
        (":retry_after=2s", ("2", None)),
        (":retry_after=250ms", ("0.25", None)),
        (":should_retry=false", (None, "false")),
    ],
)
def test_a_quota_answer_has_just_the_headers_that_were_asked_for(
    toy: Toy, option: str, expected: tuple[str | None, str | None]
) -> None:
    toy.plan(f"http_429@*{option}")
    seen = toy.wire("POST", "/v1/devboxes")
    assert seen.status == 429
    assert (seen.headers.get("retry-after"), seen.headers.get("x-should-retry")) == expected


def test_an_error_can_replace_a_stream_that_has_begun(toy: Toy) -> None:
    before = toy.get("/look")["stopped_streams"]
    toy.plan("http_502@executions.stream_*:after")
    assert toy.wire("GET", STREAMING).status == 502
    assert toy.get("/look")["stopped_streams"] <= before + 1


@pytest.mark.parametrize(("when", "work"), [("before", []), ("after", ["create"])])
@pytest.mark.parametrize(("fault", "ending"), [("lost", "fin"), ("reset", "reset")])
def test_a_connection_ends_without_an_answer(
    toy: Toy, fault: str, ending: str, when: str, work: list[str]
) -> None:
    toy.plan(f"{fault}@devboxes.create:{when}")
    seen = toy.wire("POST", "/v1/devboxes", json.dumps({"name": "x" * 200_000}).encode())
    assert (seen.status, seen.body, seen.ending) == (None, b"", ending)
    assert toy.work() == work
    assert [(entry["fault"], entry["detail"]) for entry in toy.log()] == [(fault, {"when": when})]


def test_a_large_request_is_taken_before_its_connection_is_closed_in_order(toy: Toy) -> None:
    toy.plan("lost@devboxes.upload_file:before")
    seen = toy.wire("POST", "/v1/devboxes/dbx_1/upload_file", bytes(5_000_000))
    assert (seen.status, seen.ending) == (None, "fin")
    assert toy.work() == []


def test_an_answer_is_lost_after_the_work_unless_told_otherwise(toy: Toy) -> None:
    toy.plan("lost@devboxes.create")
    assert toy.wire("POST", "/v1/devboxes").ending == "fin"
    assert toy.work() == ["create"]


def test_httpx_tells_a_lost_answer_from_a_reset(toy: Toy) -> None:
    toy.plan("lost@devboxes.create:nth=1, reset@devboxes.create:nth=2")
    with pytest.raises(httpx.RemoteProtocolError):
        toy.http.post("/v1/devboxes", json={})
    with pytest.raises(httpx.ReadError):
        toy.http.post("/v1/devboxes", json={})


def test_a_request_that_is_not_read_makes_the_client_wait(toy: Toy) -> None:
    toy.plan("unread@*")
    with socket.create_connection(("127.0.0.1", toy.port)) as connection:
        connection.settimeout(1)
        path = "/v1/devboxes/dbx_1/upload_file"
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nhost: toy\r\ncontent-length: 1000000000\r\n\r\n".encode()
        )
        with pytest.raises(TimeoutError):
            connection.sendall(bytes(1 << 28))
    assert [entry["fault"] for entry in toy.log()] == ["unread"]
    assert toy.work() == []


def test_nobody_waits_for_a_client_that_left_its_unread_request(toy: Toy) -> None:
    toy.plan("unread@*")
    tasks = toy.get("/look")["tasks"]
    assert toy.wire("POST", "/v1/devboxes", bytes(70_000), patience=0.1).ending == "open"
    awaited(lambda: toy.get("/look")["tasks"] <= tasks)


def test_a_request_that_is_not_read_is_reset_after_its_time(toy: Toy) -> None:
    toy.plan("unread@*:lasting=50ms")
    assert toy.wire("POST", "/v1/devboxes").ending == "reset"
    assert toy.work() == []


@pytest.mark.parametrize(("how", "ending"), [("close", "fin"), ("reset", "reset"), ("stall", "open")])
@pytest.mark.parametrize("at", [0, 1, 26, 27, 1000, len(STREAM) - 1, len(STREAM)])
def test_a_stream_is_cut_at_the_very_byte(toy: Toy, at: int, how: str, ending: str) -> None:
    toy.plan(f"cut@executions.stream_stdout_updates:at={at}:how={how}")
    seen = toy.wire("GET", STREAMING, patience=0.5 if how == "stall" else 20)
    assert (seen.status, seen.body, seen.ending) == (200, STREAM[:at], ending)
    assert toy.log()[0]["detail"] == {"at": at, "how": how}


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("at", [0, 65_537, 700_000, len(DOWNLOAD) - 1])
def test_a_download_is_cut_at_the_very_byte(toy: Toy, at: int, how: str) -> None:
    toy.plan(f"cut@devboxes.download_file:at={at}:how={how}")
    seen = toy.wire("POST", DOWNLOADING)
    assert seen.body == DOWNLOAD[:at]
    assert seen.ending == ("fin" if how == "close" else "reset")


def test_a_reset_loses_nothing_of_what_a_slow_reader_was_sent(toy: Toy) -> None:
    toy.plan("cut@devboxes.download_file:at=800000:how=reset")
    with socket.create_connection(("127.0.0.1", toy.port)) as connection:
        connection.settimeout(20)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        connection.sendall(f"POST {DOWNLOADING} HTTP/1.1\r\nhost: toy\r\ncontent-length: 0\r\n\r\n".encode())
        received, ending = read_slowly(connection)
    assert received.partition(b"\r\n\r\n")[2] == DOWNLOAD[:800_000]
    assert ending == "reset"


def test_a_body_that_ends_before_the_cut_is_whole(toy: Toy) -> None:
    toy.plan(f"cut@*:at={len(STREAM) + 1}")
    assert toy.wire("GET", STREAMING).ending == "whole"
    assert toy.log() == []


def test_the_application_hears_that_its_stream_was_cut(toy: Toy) -> None:
    before = toy.get("/look")["stopped_streams"]
    toy.plan("cut@executions.*:at=100:how=reset")
    toy.wire("GET", STREAMING)
    awaited(lambda: toy.get("/look")["stopped_streams"] == before + 1)


def test_a_stall_ends_after_its_time(toy: Toy) -> None:
    toy.plan("cut@*:at=10:how=stall:lasting=50ms")
    seen = toy.wire("GET", STREAMING)
    assert (seen.body, seen.ending) == (STREAM[:10], "fin")


def test_a_slow_body_takes_its_time_and_arrives_whole(toy: Toy) -> None:
    toy.plan("slow@executions.*:rate=10kB")
    began = time.monotonic()
    seen = toy.wire("GET", STREAMING)
    assert (seen.body, seen.ending) == (STREAM, "whole")
    assert time.monotonic() - began >= 0.9 * len(STREAM) / 10_000
    assert [entry["detail"] for entry in toy.log()] == [{"rate": 10_000.0}]


def test_a_slow_body_can_be_cut_too(toy: Toy) -> None:
    toy.plan("slow@executions.*:rate=50kB, cut@executions.*:at=777")
    seen = toy.wire("GET", STREAMING)
    assert (seen.body, seen.ending) == (STREAM[:777], "fin")


def test_the_first_of_several_cuts_wins(toy: Toy) -> None:
    toy.plan("cut@executions.*:at=500, cut@executions.*:at=200:how=reset")
    assert toy.wire("GET", STREAMING).body == STREAM[:200]
    assert [entry["rule"] for entry in toy.log()] == ["cut2"]


def test_each_call_takes_a_round_trip(toy: Toy) -> None:
    toy.plan("rtt=200ms")
    began = time.monotonic()
    assert toy.wire("POST", "/v1/devboxes").status == 200
    assert time.monotonic() - began >= 0.19


def test_a_call_that_was_sent_is_served_although_its_client_left_meanwhile(toy: Toy) -> None:
    toy.plan("delay@devboxes.create:by=200ms")
    with socket.create_connection(("127.0.0.1", toy.port)) as connection:
        head = f"POST /v1/devboxes HTTP/1.1\r\nhost: toy\r\nauthorization: Bearer {KEY}\r\n"
        connection.sendall(f"{head}content-length: 2\r\n\r\n{{}}".encode())
        awaited(lambda: bool(toy.log()))
    awaited(lambda: toy.work() == ["create"])


def test_what_is_no_call_of_the_api_is_left_alone(toy: Toy) -> None:
    toy.plan("reset@*, rtt=10s")
    assert toy.wire("GET", "/look").status == 200
    assert toy.wire("GET", "/_local/faults").status == 200
