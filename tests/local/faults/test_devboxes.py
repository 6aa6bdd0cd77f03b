"""What happens to devboxes: what they die of, and how long their steps take."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from pytest_runloop.local.faults import Death, Faults, Moment, UndisturbedDevboxes
from pytest_runloop.local.faults.rules import REASONS

from .conftest import Toy, awaited
from .virtual import VirtualClock


def state(toy: Toy, devbox_id: str) -> tuple[str, str | None]:
    devbox = toy.get(f"/v1/devboxes/{devbox_id}")
    return devbox["status"], devbox.get("reason")


def execute(toy: Toy, devbox_id: str, command: str) -> int:
    return toy.http.post(f"/v1/devboxes/{devbox_id}/execute_async", json={"command": command}).status_code


@pytest.mark.parametrize("reason", REASONS)
def test_a_devbox_dies_of_each_reason_at_a_command(toy: Toy, reason: str) -> None:
    toy.plan(f"die_{reason}:command=*boom*")
    devbox_id = toy.create()
    assert execute(toy, devbox_id, "echo hello") == 200
    assert execute(toy, devbox_id, "echo boom") == 400
    assert state(toy, devbox_id) == (REASONS[reason], reason)
    assert [entry["detail"] for entry in toy.log()] == [{"reason": reason}]


def test_the_log_does_not_tell_commands(toy: Toy) -> None:
    toy.plan("die_idle:command=*")
    execute(toy, toy.create(), "login --password hunter2")
    assert "hunter2" not in toy.http.get("/_local/faults/log").text


def test_a_devbox_dies_at_its_third_call_and_not_before(toy: Toy) -> None:
    toy.plan("die_out_of_disk@execute_async:nth=3:per=devbox")
    first, second = toy.create(), toy.create()
    statuses = [execute(toy, box, "true") for box in (first, second, first, first, second)]
    assert statuses == [200, 200, 200, 400, 200]
    assert state(toy, first) == ("failure", "out_of_disk")


def test_a_devbox_can_die_once_a_call_has_done_its_work(toy: Toy) -> None:
    toy.plan("die_out_of_memory@execute_async:after")
    devbox_id = toy.create()
    assert execute(toy, devbox_id, "true") == 200
    assert "execute true" in toy.work()
    assert state(toy, devbox_id) == ("failure", "out_of_memory")


def test_a_devbox_dies_once(toy: Toy) -> None:
    toy.plan("die_out_of_memory@execute_async")
    devbox_id = toy.create()
    assert [execute(toy, devbox_id, "true") for _ in range(2)] == [400, 400]
    assert [entry["fault"] for entry in toy.log()] == ["die"]


def test_only_the_devbox_of_that_name_dies(toy: Toy) -> None:
    toy.plan("die_idle@execute_async:devbox=victim*")
    victim, other = toy.create("victim-1"), toy.create("other")
    assert (execute(toy, other, "true"), execute(toy, victim, "true")) == (200, 400)


def test_a_devbox_can_die_while_it_boots(toy: Toy) -> None:
    toy.plan("boot=30s, die_execution_failed:moment=boot:later=20ms")
    devbox_id = toy.create()
    awaited(lambda: state(toy, devbox_id) == ("failure", "execution_failed"))


def test_a_devbox_can_die_some_time_after_it_ran(toy: Toy) -> None:
    toy.plan("die_keep_alive_timeout:moment=running:later=50ms:nth=2")
    first, second = toy.create(), toy.create()
    awaited(lambda: state(toy, second) == ("shutdown", "keep_alive_timeout"))
    assert state(toy, first)[0] == "running"


def test_a_boot_can_be_held_at_a_gate(toy: Toy) -> None:
    toy.plan("gate:moment=boot:name=g")
    devbox_id = toy.create()
    held: list[dict[str, Any]] = toy.post("/_local/gates/g/wait", {"timeout_seconds": 30})["held"]
    assert [(who["endpoint"], who["devbox_id"]) for who in held] == [("boot", devbox_id)]
    assert state(toy, devbox_id)[0] == "provisioning"
    toy.post("/_local/gates/g/release")
    awaited(lambda: state(toy, devbox_id)[0] == "running")


def test_a_boot_takes_the_time_that_the_plan_gives_it(toy: Toy) -> None:
    toy.plan("boot=300ms")
    began = time.monotonic()
    devbox_id = toy.create()
    awaited(lambda: state(toy, devbox_id)[0] == "running")
    assert time.monotonic() - began >= 0.29


def test_a_shutdown_is_answered_after_its_time(toy: Toy) -> None:
    toy.plan("shutdown=200ms")
    devbox_id = toy.create()
    began = time.monotonic()
    toy.post(f"/v1/devboxes/{devbox_id}/shutdown")
    assert time.monotonic() - began >= 0.19


@pytest.mark.asyncio
async def test_a_death_without_anybody_to_carry_it_out_is_an_error() -> None:
    faults = Faults("die_idle:command=*")
    with pytest.raises(RuntimeError, match="on_death"):
        await faults.devboxes.command("dbx_1", "true")


class Deaths:
    """Faults by a virtual clock, one devbox that runs, and the deaths that happened."""

    def __init__(self, plan: str) -> None:
        self.clock = VirtualClock()
        self.faults = Faults(plan, clock=self.clock)
        self.reasons: list[str] = []
        self.faults.devboxes.on_death(self._end)

    def _end(self, devbox_id: str, death: Death) -> bool:
        self.reasons.append(death.reason)
        return True

    async def run(self) -> None:
        self.faults.devboxes.created("dbx_1", None)
        await self.faults.devboxes.at("dbx_1", Moment.RUNNING)

    async def after(self, seconds: float) -> list[str]:
        await self.clock.advance(seconds)
        return self.reasons


DYING = "die_idle:moment=running:later=10s"


@pytest.mark.asyncio
async def test_a_death_comes_at_its_time() -> None:
    deaths = Deaths(DYING)
    await deaths.run()
    assert await deaths.after(9.9) == []
    assert await deaths.after(0.2) == ["idle"]


@pytest.mark.asyncio
async def test_a_devbox_that_ended_does_not_die_any_more() -> None:
    deaths = Deaths(DYING)
    await deaths.run()
    deaths.faults.devboxes.ended("dbx_1")
    assert await deaths.after(20) == []


@pytest.mark.asyncio
async def test_another_plan_takes_back_a_death_that_has_not_happened() -> None:
    async def nothing(scope: Any, receive: Any, send: Any) -> None: ...

    deaths = Deaths(DYING)
    await deaths.run()
    await deaths.after(1)
    transport = httpx.ASGITransport(deaths.faults.wrap(nothing, "key"))
    async with httpx.AsyncClient(transport=transport, base_url="http://toy") as http:
        await http.post("/_local/faults", json={}, headers={"authorization": "Bearer key"})
    assert await deaths.after(20) == []


@pytest.mark.asyncio
async def test_nothing_is_held_and_nobody_dies_when_the_server_stops() -> None:
    deaths = Deaths(f"boot=1h, shutdown=1h, gate:moment=resume, {DYING}")
    await deaths.run()
    await deaths.after(1)
    booting = asyncio.ensure_future(deaths.faults.devboxes.at("dbx_1", Moment.BOOT))
    resuming = asyncio.ensure_future(deaths.faults.devboxes.at("dbx_1", Moment.RESUME))
    assert await deaths.after(1) == []
    assert not booting.done()
    assert not resuming.done()
    deaths.faults.close()
    await asyncio.gather(booting, resuming)
    for moment in set(Moment) - {Moment.RUNNING}:
        await deaths.faults.devboxes.at("dbx_1", moment)
    assert await deaths.after(20) == []


@pytest.mark.asyncio
async def test_without_a_plan_no_step_takes_time_and_nobody_dies() -> None:
    devboxes = UndisturbedDevboxes()
    devboxes.on_death(lambda _id, _death: bool(pytest.fail("nobody dies")))
    devboxes.created("dbx_1", None)
    for moment in Moment:
        await devboxes.at("dbx_1", moment)
    await devboxes.command("dbx_1", "true")
    devboxes.ended("dbx_1")
