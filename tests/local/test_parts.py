"""Small parts of the server on their own."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from pytest_runloop.contract.views.snapshots import DevboxSnapshotView
from pytest_runloop.local.encoding import Reply
from pytest_runloop.local.idempotency import Memory, key_of
from pytest_runloop.local.notice import Notice, hold
from pytest_runloop.local.records import Records, SnapshotRecord
from pytest_runloop.local.servers import Presence
from pytest_runloop.local.store import Store, StoreError

from .fake_clock import FakeClock

OK = Reply(200, "application/json", b"{}")


def _key(name: str) -> tuple[str, str, str, bytes]:
    return key_of("caller", name, "/path", b"")


@pytest.mark.asyncio
async def test_requests_in_flight_share_one_answer() -> None:
    memory, calls, go = Memory(), 0, asyncio.Event()

    async def work() -> Reply:
        nonlocal calls
        calls += 1
        await go.wait()
        return OK

    waiting = [asyncio.ensure_future(memory.once(_key("a"), work)) for _ in range(5)]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*waiting) == [OK] * 5
    assert await memory.once(_key("a"), work) is OK
    assert calls == 1
    assert await memory.once(_key("b"), work) is OK
    assert calls == 2


@pytest.mark.asyncio
async def test_failures_are_shared_but_not_remembered() -> None:
    memory, calls = Memory(), 0

    async def fail() -> Reply:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        raise ValueError("no")

    async def succeed() -> Reply:
        return OK

    results = await asyncio.gather(*(memory.once(_key("a"), fail) for _ in range(3)), return_exceptions=True)
    assert [str(result) for result in results] == ["no"] * 3
    assert calls == 1
    assert await memory.once(_key("a"), succeed) is OK


@pytest.mark.asyncio
async def test_the_memory_of_answers_is_bounded() -> None:
    calls: list[str] = []
    memory = Memory(requests=3, size=100)

    async def ask(name: str, size: int = 1) -> None:
        async def work() -> Reply:
            calls.append(name)
            return Reply(200, "application/json", b"x" * size)

        await memory.once(_key(name), work)

    for name in "abcd":
        await ask(name)
    await ask("d")
    await ask("a")
    assert calls == ["a", "b", "c", "d", "a"]
    await ask("big", 100)
    await ask("a")
    assert calls[-2:] == ["big", "a"]


@pytest.mark.asyncio
async def test_a_hold_ends_with_the_change_or_with_the_time() -> None:
    clock, notice, state = FakeClock(), Notice(), {"done": False}
    waiting = asyncio.ensure_future(hold(clock, notice, lambda: state["done"], 5))
    await asyncio.sleep(0)
    notice.ring()
    await asyncio.sleep(0)
    assert not waiting.done()
    state["done"] = True
    notice.ring()
    assert await waiting is True
    late = asyncio.ensure_future(hold(clock, notice, lambda: False, 5))
    await asyncio.sleep(0)
    await clock.advance(5)
    assert await late is False


def _snapshot(identifier: str) -> SnapshotRecord:
    view = DevboxSnapshotView(id=identifier, create_time_ms=1, source_devbox_id="dbx_1")
    return SnapshotRecord(view=view, tier="none", server="s")


def test_a_document_survives_and_keeps_its_place(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    snapshots = Records(store).snapshots
    for identifier in ("a", "b"):
        snapshots.put(_snapshot(identifier))
    with snapshots.changing("a") as record:
        record.view.name = "new"
    store.close()
    again = Store(tmp_path / "db")
    found = Records(again).snapshots.all()
    assert [(record.id, record.view.name) for record in found] == [("b", None), ("a", "new")]
    again.close()


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    snapshots = Records(store).snapshots
    snapshots.put(_snapshot("a"))

    def fail() -> None:
        with snapshots.changing("a") as record:
            record.view.name = "new"
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    found = snapshots.get("a")
    assert found is not None
    assert found.view.name is None
    store.close()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("hello " * 1000)
    with pytest.raises(StoreError, match="db"):
        Store(tmp_path / "db")


def test_servers_know_who_lives(tmp_path: Path) -> None:
    first, second = Presence(tmp_path), Presence(tmp_path)
    assert first.living() == second.living() == {first.id, second.id}
    second.close()
    assert first.living() == {first.id}
    assert not second.directory.exists()
    crashed = Presence(tmp_path)
    os.close(crashed._lock)
    third = Presence(tmp_path)
    assert first.living() == {first.id, third.id}
    assert not crashed.directory.exists()
    third.close()
    first.close()
