"""Lifetimes, idleness and holds, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop.local import files

from .running import Inside

pytestmark = pytest.mark.asyncio


async def _running(within: Inside, **launch: Any) -> str:
    identifier = await within.create(launch_parameters=launch)
    await within.reach(identifier, "running")
    return identifier


async def _use(within: Inside, identifier: str, command: str = "true") -> None:
    answer = await within.api.post(f"/v1/devboxes/{identifier}/execute_sync", json={"command": command})
    assert answer.status_code == 200, answer.text


async def test_a_devbox_lives_for_an_hour_by_default(within: Inside) -> None:
    identifier = await _running(within)
    await within.clock.advance(3599)
    assert (await within.view(identifier))["status"] == "running"
    await within.clock.advance(1)
    view = await within.view(identifier)
    assert (view["status"], view["shutdown_reason"]) == ("shutdown", "keep_alive_timeout")


async def test_keep_alive_begins_the_lifetime_anew(within: Inside) -> None:
    identifier = await _running(within, keep_alive_time_seconds=60)
    await within.clock.advance(59)
    answer = await within.api.post(f"/v1/devboxes/{identifier}/keep_alive")
    assert answer.json() == {}
    await within.clock.advance(59)
    assert (await within.view(identifier))["status"] == "running"
    await within.clock.advance(1)
    assert (await within.view(identifier))["status"] == "shutdown"


async def test_commands_do_not_prolong_the_lifetime(within: Inside) -> None:
    identifier = await _running(within, keep_alive_time_seconds=60)
    await within.clock.advance(59)
    await _use(within, identifier)
    await within.clock.advance(1)
    assert (await within.view(identifier))["status"] == "shutdown"


@pytest.mark.parametrize("nested", [False, True])
async def test_an_idle_devbox_is_shut_down(within: Inside, nested: bool) -> None:
    idle = {"after_idle": {"idle_time_seconds": 30, "on_idle": "shutdown"}}
    launch: dict[str, Any] = {"lifecycle": idle} if nested else idle
    identifier = await _running(within, **launch, keep_alive_time_seconds=5)
    await within.clock.advance(29)
    await _use(within, identifier)
    await within.clock.advance(29)
    assert (await within.view(identifier))["status"] == "running"
    await within.clock.advance(1)
    assert (await within.view(identifier))["shutdown_reason"] == "idle"


async def test_a_devbox_with_a_running_command_is_not_idle(within: Inside) -> None:
    identifier = await _running(within, after_idle={"idle_time_seconds": 30, "on_idle": "shutdown"})
    path = f"/v1/devboxes/{identifier}"
    started = await within.api.post(f"{path}/execute_async", json={"command": "sleep 600"})
    execution = started.json()["execution_id"]
    await within.clock.advance(3000)
    assert (await within.view(identifier))["status"] == "running"
    await within.api.post(f"{path}/executions/{execution}/kill", json={})
    await within.api.post(f"{path}/executions/{execution}/wait_for_status", json={"statuses": ["completed"]})
    await within.clock.advance(30)
    assert (await within.view(identifier))["status"] == "shutdown"


async def test_an_idle_devbox_can_be_suspended_instead_and_resumed(within: Inside) -> None:
    identifier = await _running(within, after_idle={"idle_time_seconds": 30, "on_idle": "suspend"})
    await within.clock.advance(30)
    await within.reach(identifier, "suspended")
    await within.clock.advance(100_000)
    resumed = await within.api.post(f"/v1/devboxes/{identifier}/resume")
    assert resumed.json()["status"] == "running"
    await within.clock.advance(30)
    await within.reach(identifier, "suspended")


@pytest.mark.parametrize("keep_alive", [True, False])
async def test_a_request_through_a_tunnel_is_use_until_its_answer_ends(
    within: Inside, keep_alive: bool
) -> None:
    identifier = await _running(within, after_idle={"idle_time_seconds": 30, "on_idle": "shutdown"})
    path = f"/v1/devboxes/{identifier}"
    service = Path(__file__).with_name("service.py").read_text()
    await within.api.post(
        f"{path}/write_file_contents", json={"file_path": "service.py", "contents": service}
    )
    # As a daemon: a command that runs would be use too.
    await _use(
        within, identifier, "setsid python3 service.py 0 >/dev/null 2>&1 & until [ -e port ]; do :; done"
    )
    told = await within.api.post(f"{path}/read_file_contents", json={"file_path": "port"})
    await within.api.post(f"{path}/enable_tunnel", json={"http_keep_alive": keep_alive})
    tunnel = await within.api.post(f"{path}/create_tunnel", json={"port": int(told.text)})
    async with httpx.AsyncClient(base_url=tunnel.json()["url"], timeout=60) as client:
        held = asyncio.create_task(client.get("/held"))
        await _use(within, identifier, "until [ -e held ]; do :; done")
        await within.clock.advance(30)
        assert (await within.view(identifier))["status"] == ("running" if keep_alive else "shutdown")
        if keep_alive:
            await _use(within, identifier, "touch go")
        assert (await held).status_code == (200 if keep_alive else 502)
        await within.clock.advance(30)
        assert (await within.view(identifier))["shutdown_reason"] == "idle"


async def test_looking_at_a_devbox_is_not_use(within: Inside) -> None:
    identifier = await _running(within, after_idle={"idle_time_seconds": 30, "on_idle": "shutdown"})
    await within.clock.advance(29)
    await within.view(identifier)
    await within.api.get(f"/v1/devboxes/{identifier}/logs")
    await within.clock.advance(1)
    assert (await within.view(identifier))["status"] == "shutdown"


async def test_a_lifetime_stands_still_while_the_devbox_is_suspended(within: Inside) -> None:
    identifier = await _running(within, keep_alive_time_seconds=60)
    await within.clock.advance(59)
    await within.api.post(f"/v1/devboxes/{identifier}/suspend")
    await within.reach(identifier, "suspended")
    kept = await within.api.post(f"/v1/devboxes/{identifier}/keep_alive")
    assert kept.status_code == 200
    await within.clock.advance(1000)
    assert (await within.view(identifier))["status"] == "suspended"
    await within.api.post(f"/v1/devboxes/{identifier}/resume")
    await within.clock.advance(59)
    assert (await within.view(identifier))["status"] == "running"
    await within.clock.advance(1)
    assert (await within.view(identifier))["shutdown_reason"] == "keep_alive_timeout"


_USES: dict[str, tuple[str, dict[str, Any]]] = {
    "a command": ("execute_sync", {"command": "true"}),
    "a command in a shell": ("execute_sync", {"command": "true", "shell_name": "s"}),
    "a file written": ("write_file_contents", {"file_path": "f", "contents": "x"}),
    "a file read": ("read_file_contents", {"file_path": ".profile"}),
    "a file downloaded": ("download_file", {"path": ".profile"}),
    "a snapshot": ("snapshot_disk", {}),
    "keep_alive": ("keep_alive", {}),
}


@pytest.mark.parametrize("use", _USES)
async def test_idleness_counts_from_the_last_use(within: Inside, use: str) -> None:
    identifier = await _running(within, after_idle={"idle_time_seconds": 30, "on_idle": "suspend"})
    path = f"/v1/devboxes/{identifier}"
    await within.api.post(f"{path}/write_file_contents", json={"file_path": ".profile", "contents": "x=y"})
    call, body = _USES[use]
    for _ in range(2):
        await within.clock.advance(29)
        answer = await within.api.post(f"{path}/{call}", json=body)
        assert answer.status_code == 200, answer.text
    await within.clock.advance(29)
    assert (await within.view(identifier))["status"] == "running"
    await within.clock.advance(1)
    await within.reach(identifier, "suspended")


async def test_a_file_that_is_still_being_sent_is_use(within: Inside) -> None:
    identifier = await _running(within, after_idle={"idle_time_seconds": 30, "on_idle": "shutdown"})
    life = within.backend.life(identifier)
    await files.write(life.devbox, "f", "text")
    body = await files.read(life, "f", "`file_path`")
    await within.clock.advance(100)
    assert (await within.view(identifier))["status"] == "running"
    await body.aclose()
    await body.aclose()
    await within.clock.advance(30)
    assert (await within.view(identifier))["status"] == "shutdown"


async def test_the_use_of_a_devbox_is_its_size_times_the_seconds_that_it_had_it(within: Inside) -> None:
    identifier = await _running(within, resource_size_request="MEDIUM")
    path = f"/v1/devboxes/{identifier}"
    await within.clock.advance(100)
    await within.api.post(f"{path}/suspend")
    await within.reach(identifier, "suspended")
    await within.clock.advance(1000)
    await within.api.post(f"{path}/resume")
    await within.clock.advance(20)
    used = (await within.api.get(f"{path}/usage")).json()
    assert used == {
        "id": identifier,
        "status": "running",
        "start_time_ms": 1_700_000_000_000,
        "end_time_ms": None,
        "total_active_seconds": 120,
        "total_elapsed_seconds": 1120,
        "vcpu_seconds": 240,
        "memory_gb_seconds": 480,
        "disk_gb_seconds": 8960,
    }
    await within.api.post(f"{path}/shutdown")
    await within.clock.advance(1000)
    ended = (await within.api.get(f"{path}/usage")).json()
    changed = {"status": "shutdown", "end_time_ms": 1_700_001_120_000}
    assert ended == used | changed


async def test_without_a_size_the_services_default_is_counted(within: Inside) -> None:
    identifier = await _running(within)
    await within.clock.advance(10)
    used = (await within.api.get(f"/v1/devboxes/{identifier}/usage")).json()
    assert (used["vcpu_seconds"], used["memory_gb_seconds"], used["disk_gb_seconds"]) == (10, 20, 40)


async def test_two_different_idle_settings_are_refused(within: Inside) -> None:
    idle = {"idle_time_seconds": 30, "on_idle": "shutdown"}
    launch = {"after_idle": idle, "lifecycle": {"after_idle": idle | {"idle_time_seconds": 31}}}
    answer = await within.api.post("/v1/devboxes", json={"launch_parameters": launch})
    assert answer.status_code == 400
    assert "differ" in answer.json()["message"]


@pytest.mark.parametrize(("asked", "held"), [(None, 10), (17.5, 17.5), (100, 30)])
async def test_a_wait_for_a_devbox_is_held_as_the_api_says(
    within: Inside, asked: float | None, held: float
) -> None:
    identifier = await _running(within)
    body = {"statuses": ["suspended"], "timeout_seconds": asked}
    await _held(within, f"/v1/devboxes/{identifier}/wait_for_status", body, held, "false")


@pytest.mark.parametrize(("asked", "held"), [(None, 25), (17.5, 17.5), (100, 25)])
async def test_a_wait_for_a_command_is_held_as_the_api_says(
    within: Inside, asked: float | None, held: float
) -> None:
    identifier = await _running(within)
    path = f"/v1/devboxes/{identifier}"
    started = await within.api.post(f"{path}/execute_async", json={"command": "sleep 600"})
    body = {"statuses": ["completed"], "timeout_seconds": asked}
    execution = started.json()["execution_id"]
    await _held(within, f"{path}/executions/{execution}/wait_for_status", body, held, "true")


async def _held(within: Inside, path: str, body: dict[str, Any], held: float, retry: str) -> None:
    before = len(within.clock.timers)
    request = asyncio.ensure_future(within.api.post(path, json=body))
    await within.clock.asked(before + 1)
    await within.clock.advance(held - 0.5)
    assert not request.done()
    await within.clock.advance(0.5)
    answer = await request
    assert answer.status_code == 408
    assert answer.headers["x-should-retry"] == retry


async def test_create_and_await_running_answers_the_present_view_after_its_hold(within: Inside) -> None:
    before = len(within.clock.timers)
    body = {"launch_parameters": {"launch_commands": ["sleep 600"]}}
    request = asyncio.ensure_future(within.api.post("/v1/devboxes/create_and_await_running", json=body))
    await within.clock.asked(before + 2)
    await within.clock.advance(20)
    answer = await request
    assert answer.status_code == 200
    assert answer.json()["status"] in ("provisioning", "initializing")
