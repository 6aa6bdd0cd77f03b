"""Evictions: told to whoever watches, before the devbox is suspended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pytest_runloop import Runloop
from pytest_runloop.local.engine.select import open_engine
from pytest_runloop.local.evictions import EvictionStream
from pytest_runloop.local.faults import FaultPlan, FaultPlanError

from .box import ok
from .running import Inside, inside, server


@pytest_asyncio.fixture
async def planned(tmp_path: Path) -> AsyncIterator[Inside]:
    """A backend on a clock that stands still; it tells a minute after a boot of an eviction in a minute."""
    plan = "evict:moment=running:notice=60s:later=60s"
    async with inside(await open_engine("process", tmp_path), tmp_path, plan=plan) as running:
        yield running


def stream(running: Inside, silence: float = 10, lasting: float = 3600) -> AsyncIterator[bytes]:
    """Return what a watcher gets."""
    made = EvictionStream(running.backend.evictions, running.clock, silence, lasting)
    return aiter(made)


async def evicted(watching: AsyncIterator[bytes]) -> dict[str, Any]:
    """Return the next eviction of a stream."""
    while not (piece := await anext(watching)).startswith(b"data: "):
        assert piece.startswith(b": "), piece
        assert piece.endswith(b"\n\n"), piece
    event: dict[str, Any] = json.loads(piece.removeprefix(b"data: "))
    return event


async def ran(running: Inside, **params: Any) -> str:
    """Make a devbox, and return its id when it runs and its eviction is planned."""
    before = len(running.clock.timers)
    identifier = await running.create(**params)
    await running.reach(identifier, "running")
    await running.clock.asked(before + 2)
    return identifier


@pytest.mark.asyncio
async def test_an_eviction_is_told_to_all_who_watch_and_then_the_devbox_is_suspended(planned: Inside) -> None:
    early, too = stream(planned), stream(planned)
    assert (await anext(early)).startswith(b": ")
    identifier = await ran(planned)
    await planned.clock.advance(60)
    told = {"devbox_id": identifier, "eviction_deadline_ms": planned.clock.now_ms() + 60_000}
    assert [await evicted(one) for one in (early, too, stream(planned))] == [told] * 3
    assert (await planned.view(identifier))["status"] == "running"
    await planned.clock.advance(59)
    assert (await planned.view(identifier))["status"] == "running"
    await planned.clock.advance(1)
    view = await planned.reach(identifier, "suspended")
    assert "suspending" in [item["status"] for item in view["state_transitions"]]
    assert planned.backend.evictions.after(0) == []
    log = (await planned.api.get(f"/v1/devboxes/{identifier}/logs")).json()["logs"]
    assert [line["message"] for line in log if "host" in line["message"]] == [
        "its host is taken away in 60 s: it will be suspended then",
        "its host was taken away: it is suspended",
    ]


@pytest.mark.asyncio
async def test_what_has_left_its_host_is_not_evicted_from_it(planned: Inside) -> None:
    ended, moved = await ran(planned), await ran(planned)
    await planned.clock.advance(60)
    assert len(planned.backend.evictions.after(0)) == 2
    ok(await planned.api.post(f"/v1/devboxes/{ended}/shutdown"))
    ok(await planned.api.post(f"/v1/devboxes/{moved}/suspend"))
    await planned.reach(moved, "suspended")
    assert planned.backend.evictions.after(0) == []
    ok(await planned.api.post(f"/v1/devboxes/{moved}/resume"))
    await planned.clock.advance(60)
    assert (await planned.view(moved))["status"] == "running"


@pytest.mark.asyncio
async def test_a_silent_stream_is_kept_alive_and_ends_in_its_time(planned: Inside) -> None:
    watching = stream(planned, silence=10, lasting=15)
    assert await anext(watching) == b": evictions follow\n\n"
    for seconds in (10, 5):
        told = asyncio.ensure_future(anext(watching))
        await planned.clock.asked(1)
        await planned.clock.advance(seconds)
        assert await told == b": none is new\n\n"
    assert [piece async for piece in watching] == []


def test_clients_are_told_and_the_end_of_the_server_ends_their_watch(tmp_path: Path) -> None:
    plan = "evict@devboxes.update:after:notice=600s"
    with (
        server(tmp_path, "--faults", plan, isolation="process") as running,
        running.client() as api,
        Runloop(running.base_url, running.api_key) as client,
    ):
        first, second = client.devbox.create(), client.devbox.create()
        watching = client.devbox.watch_evictions()
        for one in (second, first):
            one.update(name="doomed")
            assert next(watching).devbox_id == one.id
        first.update(name="doomed once only")
        faults = ok(api.get("/_local/faults/log"))["faults"]
        assert [entry["detail"] for entry in faults] == [{"notice": 600.0}] * 2
        again = client.devbox.watch_evictions()
        assert [next(again).devbox_id for _ in range(2)] == [second.id, first.id]
        assert running.end() == 0
        assert list(watching) == list(again) == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("evict", "exactly one of"),
        ("evict@devboxes.list", "cannot know who is evicted"),
        ("evict:moment=running:notice=soon", "notice"),
        ("evict:moment=running:reason=idle", "reason"),
    ],
)
def test_a_plan_must_say_who_is_evicted_and_when(rule: str, words: str) -> None:
    with pytest.raises(FaultPlanError, match=words):
        FaultPlan.parse(rule)
