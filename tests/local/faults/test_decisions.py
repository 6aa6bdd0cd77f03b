"""Which calls a rule strikes, and that nothing else changes that."""

from __future__ import annotations

import random

import pytest

from pytest_runloop.local.faults import FaultPlan
from pytest_runloop.local.faults.decisions import Decisions, Event, Strike
from pytest_runloop.local.faults.endpoints import identify
from pytest_runloop.local.faults.values import Span

CREATE = ("POST", "/v1/devboxes")
LIST = ("GET", "/v1/devboxes")


def call(place: tuple[str, str], request_id: str | None = None) -> Event:
    found = identify(*place, request_id)
    return Event(found, found.devbox_id)


def on(devbox: str) -> Event:
    return call(("POST", f"/v1/devboxes/{devbox}/execute_async"))


def decisions(text: str, names: dict[str, str] | None = None) -> Decisions:
    return Decisions(FaultPlan.parse(text), (names or {}).get)


def struck(deciding: Decisions, events: list[Event]) -> list[int]:
    """Return the places, from 1, of the events that were struck."""
    return [place for place, event in enumerate(events, 1) if deciding.strikes(event)]


def test_the_same_seed_strikes_the_same_calls() -> None:
    creates = [call(CREATE)] * 300
    first = struck(decisions("seed=7, lost=0.3@create"), creates)
    assert first == struck(decisions("seed=7, lost=0.3@create"), creates)
    assert first != struck(decisions("seed=8, lost=0.3@create"), creates)


def test_about_as_many_calls_are_struck_as_the_probability_says() -> None:
    assert 2_700 < len(struck(decisions("lost=0.3@create"), [call(CREATE)] * 10_000)) < 3_300


def test_calls_of_other_endpoints_in_between_change_nothing() -> None:
    alone = struck(decisions("lost=0.3@*"), [call(CREATE)] * 100)
    deciding, mixed, count = decisions("lost=0.3@*"), [], 0
    chance = random.Random(1)
    while count < 100:
        if chance.random() < 0.5:
            deciding.strikes(call(LIST))
        else:
            count += 1
            mixed += [count] if deciding.strikes(call(CREATE)) else []
    assert mixed == alone


def test_other_rules_change_nothing() -> None:
    creates = [call(CREATE)] * 100

    def lost(text: str) -> list[int]:
        deciding = decisions(text)
        return [
            n
            for n, event in enumerate(creates)
            if any(s.rule.fault == "lost" for s in deciding.strikes(event))
        ]

    assert lost("lost=0.3@create") == lost("reset=0.5@create, http_500@list, lost=0.3@create:name=x")


def test_a_higher_probability_only_adds_strikes() -> None:
    creates = [call(CREATE)] * 500
    assert set(struck(decisions("lost=0.1@create"), creates)) < set(
        struck(decisions("lost=0.2@create"), creates)
    )


def test_two_rules_decide_independently() -> None:
    creates = [call(CREATE)] * 500
    assert struck(decisions("lost=0.5@create"), creates) != struck(decisions("reset=0.5@create"), creates)


def test_a_rule_counts_all_calls_that_fit() -> None:
    events = [call(CREATE), call(LIST), on("dbx_1"), call(LIST), call(CREATE)]
    assert struck(decisions("lost@*:nth=2/4-"), events) == [2, 4, 5]


def test_a_rule_can_count_for_each_devbox() -> None:
    events = [on("dbx_1"), on("dbx_2"), on("dbx_2"), on("dbx_1"), on("dbx_1")]
    assert struck(decisions("lost@execute_async:nth=2:per=devbox"), events) == [3, 4]


def test_a_rule_can_count_the_tries_of_each_request() -> None:
    events = [call(CREATE, key) for key in ("a", "b", "a", "b", "a", "c")]
    assert struck(decisions("lost@create:nth=1:per=request"), events) == [1, 2, 6]
    assert struck(decisions("lost@create:nth=2-:per=request"), events) == [3, 4, 5]


def test_a_call_without_a_key_is_a_request_of_its_own() -> None:
    assert struck(decisions("lost@list:nth=1:per=request"), [call(LIST)] * 3) == [1, 2, 3]


def test_tries_of_one_request_count_as_calls() -> None:
    events = [call(CREATE, "same")] * 3
    assert struck(decisions("lost@create:nth=2"), events) == [2]


def test_keys_and_ids_that_differ_in_each_run_change_nothing() -> None:
    def run(salt: str, per: str) -> list[int]:
        events = [
            call(("POST", f"/v1/devboxes/dbx_{salt}{n % 7}/suspend"), f"{salt}{n // 3}") for n in range(200)
        ]
        return struck(decisions(f"lost=0.4@*:per={per}"), events)

    assert run("x", "request") == run("y", "request")
    assert run("x", "devbox") == run("y", "devbox")


def test_no_more_calls_are_struck_than_allowed() -> None:
    assert len(struck(decisions("lost=0.5@create:times=3"), [call(CREATE)] * 100)) == 3


@pytest.mark.parametrize("devbox", ["dbx_1", "left", "le*"])
def test_a_devbox_is_meant_by_id_or_name(devbox: str) -> None:
    deciding = decisions(f"lost@*:devbox={devbox}", {"dbx_1": "left", "dbx_2": "right"})
    assert struck(deciding, [on("dbx_2"), on("dbx_1"), call(CREATE)]) == [2]


def test_rules_that_stay_go_on_counting_when_others_come_and_go() -> None:
    deciding = decisions("lost@create:nth=3")
    deciding.strikes(call(CREATE))
    deciding.follow(FaultPlan.parse("reset@list, lost@create:nth=3"))
    assert struck(deciding, [call(CREATE), call(CREATE)]) == [2]


def test_the_seed_picks_from_a_range_and_uses_all_of_it() -> None:
    def picks(seed: int) -> list[int]:
        deciding = decisions(f"seed={seed}, cut@*:at=0-9")
        strikes: list[Strike] = [strike for _ in range(200) for strike in deciding.strikes(call(LIST))]
        return [strike.pick(Span(0, 9)) for strike in strikes]

    assert picks(1) == picks(1) != picks(2)
    assert set(picks(1)) == set(range(10))
