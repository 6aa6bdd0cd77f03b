"""The parts of the client that do no input or output: retries, events, pacing, pages."""

from __future__ import annotations

import email.utils
import json
from collections.abc import Mapping

import pytest

from pytest_runloop import APIConnectionError, APIError, APIStatusError, APITimeoutError, PollingConfig
from pytest_runloop.client.errors import Answer, RequestInfo
from pytest_runloop.client.pages import Fetched, Items
from pytest_runloop.client.polling import Budget, Pacer
from pytest_runloop.client.retries import RetryPolicy
from pytest_runloop.client.sse import Event, EventParser

ASKED = RequestInfo("POST", "http://api.test/v1/devboxes")
NOW = 1_800_000_000.0
POLICY = RetryPolicy(5, chance=lambda: 0.0, clock=lambda: NOW)


def failed(status: int, headers: Mapping[str, str] | None = None) -> APIStatusError:
    """Return the error of a status."""
    return APIStatusError("", request=ASKED, answer=Answer(status, headers or {}))


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 599])
def test_statuses_that_may_pass_are_repeated(status: int) -> None:
    assert POLICY.pause(failed(status), 0) == 1.0


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 410, 413, 418, 422])
def test_other_statuses_are_not(status: int) -> None:
    assert POLICY.pause(failed(status), 0) is None


def test_the_service_decides_where_it_says_so() -> None:
    assert POLICY.pause(failed(400, {"x-should-retry": "true"}), 0) == 1.0
    assert POLICY.pause(failed(503, {"x-should-retry": "false"}), 0) is None


@pytest.mark.parametrize("error", [APIConnectionError, APITimeoutError])
def test_broken_and_silent_connections_are_repeated(error: type[APIError]) -> None:
    assert POLICY.pause(error("", request=ASKED), 0) == 1.0


def test_pauses_double_up_to_a_minute_and_end_after_the_last_retry() -> None:
    assert [POLICY.pause(failed(500), failures) for failures in range(6)] == [1, 2, 4, 8, 16, None]
    assert RetryPolicy(99, chance=lambda: 0.0).pause(failed(500), 50) == 60


def test_pauses_are_spread_by_a_quarter() -> None:
    assert RetryPolicy(5, chance=lambda: 1.0).pause(failed(500), 2) == 3.0


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": email.utils.formatdate(NOW + 20, usegmt=True)}, 20.0),
        ({"retry-after-ms": "10", "retry-after": "7"}, 0.01),
        ({"retry-after": "61"}, 1.0),
        ({"retry-after": "0"}, 1.0),
        ({"retry-after": "-3"}, 1.0),
        ({"retry-after": "soon"}, 1.0),
        ({"retry-after": email.utils.formatdate(NOW - 20, usegmt=True)}, 1.0),
    ],
)
def test_a_pause_that_the_service_asks_for_is_kept_if_it_is_sensible(
    headers: Mapping[str, str], pause: float
) -> None:
    assert POLICY.pause(failed(429, headers), 0) == pause


STREAM = (
    b"\xef\xbb\xbf: a comment\r\n"
    b'data: {"a":1}\r\n\r\n'
    b"event: error\rdata: one\rdata:two\r\r"
    b"id: 7\nretry: 10\ndata:  kept space\n\n"
    b"event: lost\n\n"
    b"data\n\n"
    b"data: \xc3\xa4\xe2\x82\xac\n\n"
    b"data: never finished"
)
EVENTS = [
    Event("message", b'{"a":1}'),
    Event("error", b"one\ntwo"),
    Event("message", b" kept space"),
    Event("message", b""),
    Event("message", "ä€".encode()),
]


def parsed(*pieces: bytes) -> list[Event]:
    """Return the events in pieces of a stream."""
    parser = EventParser()
    events = [event for piece in pieces for event in parser.feed(piece)]
    assert parser.unfinished
    return events


def test_events_are_the_same_wherever_the_stream_is_split() -> None:
    for first in range(len(STREAM) + 1):
        assert parsed(STREAM[:first], STREAM[first:]) == EVENTS
        for second in range(first, len(STREAM) + 1, 7):
            assert parsed(STREAM[:first], STREAM[first:second], STREAM[second:]) == EVENTS
    assert parsed(*(STREAM[n : n + 1] for n in range(len(STREAM)))) == EVENTS


def test_a_finished_stream_has_nothing_unfinished() -> None:
    parser = EventParser()
    assert len(list(parser.feed(b"data: x\n\n: keep-alive\n\n"))) == 1
    assert not parser.unfinished


def test_a_large_event_in_small_pieces_is_read_in_linear_time() -> None:
    data = json.dumps({"output": "x" * 3_000_000}).encode()
    stream = b"data: " + data + b"\n\n"
    parser = EventParser()
    [event] = [
        event for start in range(0, len(stream), 100) for event in parser.feed(stream[start : start + 100])
    ]
    assert event.data == data


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_budget_is_looks_times_interval_or_the_timeout_if_that_is_less() -> None:
    clock = Clock()
    assert Budget(None, clock).left == 120
    assert Budget(PollingConfig(interval_seconds=2, max_attempts=5), clock).left == 10
    budget = Budget(PollingConfig(timeout_seconds=3), clock)
    clock.now += 2
    assert (budget.left, budget.spent, budget.over) == (1, 2, False)
    clock.now += 2
    assert (budget.left, budget.over) == (0, True)


def test_a_configured_interval_and_number_of_looks_hold_exactly() -> None:
    budget = Budget(PollingConfig(interval_seconds=5, max_attempts=3), Clock())
    assert [budget.pause_between_looks() for _ in range(3)] == [5, 5, None]


def test_without_a_configuration_the_first_looks_come_quickly() -> None:
    budget = Budget(None, Clock())
    pauses = [budget.pause_between_looks() for _ in range(10)]
    assert pauses[0] == 0.01
    assert pauses[-1] == 1.0


def test_the_last_pause_ends_with_the_budget() -> None:
    clock = Clock()
    budget = Budget(PollingConfig(interval_seconds=5, max_attempts=10, timeout_seconds=7), clock)
    clock.now += 5
    assert budget.pause_between_looks() == 2
    clock.now += 2
    assert budget.pause_between_looks() is None


def test_long_polls_that_are_held_are_not_paused() -> None:
    pacer = Pacer()
    assert pacer.pause_after(0.1) == 0.05
    assert pacer.pause_after(25.0) == 0.0
    assert pacer.pause_after(0.1) == 0.05


def test_a_list_is_fetched_as_far_as_one_looks() -> None:
    asked: list[str | None] = []

    def fetch(after: str | None) -> Fetched[int]:
        asked.append(after)
        start = int(after or 0)
        return [start, start + 1], str(start + 2) if start < 4 else None

    items = Items(fetch)
    assert asked == []
    assert items[0] == 0
    assert asked == [None]
    assert next(iter(items)) == 0
    assert items[2] == 2
    assert asked == [None, "2"]
    assert list(items) == [0, 1, 2, 3, 4, 5]
    assert (len(items), items[-1], items[1:3], 4 in items) == (6, 5, [1, 2], True)
    assert asked == [None, "2", "4"]
    with pytest.raises(IndexError):
        items[6]
