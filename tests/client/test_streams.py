"""Output over connections that break: nothing is lost, nothing comes twice."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pytest_runloop import APIConnectionError, InternalServerError, NotFoundError

from .conftest import MakeClient
from .fake_api import EXECUTION, FakeApi, events, refusal
from .loopback import Exchange, serving

TEXT = "".join(f"zeile {n} äöü €\n" for n in range(300))
STDOUT = ".*/stream_stdout_updates"


def piece(output: str, end: int) -> bytes:
    """Return the event of a piece of output that ends at a place."""
    return b"data: " + json.dumps({"output": output, "offset": end}).encode() + b"\n\n"


def resumed(exchange: Exchange) -> str:
    """Return the rest of the text after the offset that is asked for."""
    offset = int(parse_qs(urlsplit(exchange.target).query).get("offset", ["0"])[0])
    return TEXT.encode()[offset:].decode()


class Cutter:
    """Serves the text in pieces, and breaks off the first connections, each further on."""

    def __init__(self, pieces_a_connection: int, cut_at: int, cuts: int) -> None:
        self.pieces = pieces_a_connection
        self.cut_at = cut_at
        self.cuts = cuts
        self.streams = 0

    def __call__(self, exchange: Exchange) -> None:
        if "stream_" not in exchange.target:
            exchange.answer(json.dumps(EXECUTION).encode())
            return
        self.streams += 1
        rest = resumed(exchange)
        position = len(TEXT.encode()) - len(rest.encode())
        exchange.begin()
        for count, start in enumerate(range(0, len(rest), 40)):
            output = rest[start : start + 40]
            position += len(output.encode())
            event = piece(output, position)
            if self.streams <= self.cuts and count == self.pieces:
                exchange.chunk(event[: self.cut_at] or b"\n")
                exchange.cut()
                return
            exchange.chunk(event)
        exchange.chunk(b"")


@pytest.mark.parametrize("cut_at", [0, 1, 8, 30, -2, -1])
def test_a_connection_cut_in_the_middle_of_a_piece_loses_and_doubles_nothing(
    make_client: MakeClient, cut_at: int, pauses: list[float]
) -> None:
    cutter = Cutter(pieces_a_connection=7, cut_at=cut_at, cuts=12)
    with serving(cutter) as url:
        got: list[str] = []
        make_client(url).devbox.from_id("dbx_1").cmd.exec("x", stdout=got.append)
    assert "".join(got) == TEXT
    assert cutter.streams == 13


def test_a_stream_that_never_gets_further_is_given_up(make_client: MakeClient, pauses: list[float]) -> None:
    cutter = Cutter(pieces_a_connection=0, cut_at=9, cuts=10_000)
    with serving(cutter) as url, pytest.raises(APIConnectionError):
        make_client(url).devbox.from_id("dbx_1").cmd.exec("x", stdout=lambda piece: None)
    assert cutter.streams == 6


def test_a_silent_stream_is_resumed_where_it_stopped(make_client: MakeClient, pauses: list[float]) -> None:
    silent = threading.Event()

    def handle(exchange: Exchange) -> None:
        if "stream_" not in exchange.target:
            exchange.answer(json.dumps(EXECUTION).encode())
        elif "offset" not in exchange.target:
            exchange.begin()
            exchange.chunk(piece("one\n", 4))
            silent.wait(60)
        else:
            exchange.begin()
            exchange.chunk(piece("two\n", 8) if "offset=4" in exchange.target else b"data: {}\n\n")
            exchange.chunk(b"")

    with serving(handle) as url:
        got: list[str] = []
        # A short patience in the place of 30 s: what counts is that it ends and is resumed.
        make_client(url, timeout=0.3).devbox.from_id("dbx_1").cmd.exec("x", stdout=got.append)
        silent.set()
    assert got == ["one\n", "two\n"]


def test_a_408_event_resumes_at_the_last_piece_without_counting_as_a_failure(
    runloop: Any, api: FakeApi, pauses: list[float]
) -> None:
    late = ("error", {"code": 408, "message": "time is up"})
    api.on(
        STDOUT,
        events({"output": "one\n", "offset": 4}, late),
        *[events(late)] * 20,
        events({"output": "two\n", "offset": 8}),
    )
    got: list[str] = []
    runloop.devbox.from_id("dbx_1").cmd.exec("x", stdout=got.append)
    assert got == ["one\n", "two\n"]
    asked = [request.url.query for request in api.requests if "stream_" in request.url.path]
    assert asked == [b"", *[b"offset=4"] * 21]


@pytest.mark.parametrize(("code", "error"), [(404, NotFoundError), (500, InternalServerError)])
def test_an_error_event_is_the_error_of_its_code(
    runloop: Any, api: FakeApi, pauses: list[float], code: int, error: type[Exception]
) -> None:
    api.on(STDOUT, events({"output": "one\n", "offset": 4}, ("error", {"code": code, "message": "alas"})))
    with pytest.raises(error, match="alas"):
        runloop.devbox.from_id("dbx_1").cmd.exec("x", stdout=lambda piece: None)


def test_a_stream_without_offsets_is_counted_in_bytes(
    runloop: Any, api: FakeApi, pauses: list[float]
) -> None:
    api.on(STDOUT, events({"output": "ä€"}, ("error", {"code": 408})), events({"output": "!"}))
    got: list[str] = []
    runloop.devbox.from_id("dbx_1").cmd.exec("x", stdout=got.append)
    assert "".join(got) == "ä€!"
    assert api.requests[-1].url.query == b"offset=5" or any(r.url.query == b"offset=5" for r in api.requests)


def test_a_stream_that_is_refused_for_a_moment_is_asked_again(
    runloop: Any, api: FakeApi, pauses: list[float]
) -> None:
    api.on(STDOUT, refusal(503, retry_after="2"), events({"output": "x"}))
    got: list[str] = []
    runloop.devbox.from_id("dbx_1").cmd.exec("x", stdout=got.append)
    assert got == ["x"]
    assert 2.0 in pauses


def test_an_output_of_many_megabytes_passes_through_callbacks_whole(make_client: MakeClient) -> None:
    line = "0123456789" * 100 + "\n"
    events = piece(line * 60, 0).replace(b', "offset": 0', b"") * 10

    def handle(exchange: Exchange) -> None:
        if "stream_" not in exchange.target:
            exchange.answer(json.dumps(EXECUTION).encode())
            return
        exchange.begin()
        for start in range(0, len(events), 7919):
            exchange.chunk(events[start : start + 7919])
        for _ in range(19):
            exchange.chunk(events)
        exchange.chunk(b"")

    with serving(handle) as url:
        sizes: list[int] = []
        make_client(url).devbox.from_id("dbx_1").cmd.exec("x", stdout=lambda text: sizes.append(len(text)))
    assert sum(sizes) == len(line) * 60 * 10 * 20
