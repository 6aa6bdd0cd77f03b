"""Devboxes that take their time, are held, or die, on a real backend."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pytest_runloop.client.errors import DevboxFailedError, DevboxNotRunningError, SnapshotFailedError
from pytest_runloop.local.engine.select import open_engine
from pytest_runloop.local.faults.rules import REASONS

from .box import ok, refused
from .faulty import Faulty
from .running import PATIENCE, Inside, inside, server


def ending(view: dict[str, Any]) -> tuple[str, str]:
    """Return a devbox's status and the reason for it."""
    return view["status"], view["failure_reason"] or view["shutdown_reason"]


def seconds_to_run(view: dict[str, Any]) -> float:
    """Return how long a devbox took until it ran."""
    times = {item["status"]: item["transition_time_ms"] for item in view["state_transitions"]}
    return float(times["running"] - times["provisioning"]) / 1000


# Time


async def held_back(running: Inside, devboxes: int) -> None:
    """Wait until so many devboxes are as far as they get without time: each has a lifetime and a boot."""
    await running.clock.asked(2 * devboxes)


@pytest.mark.asyncio
async def test_with_the_preset_cloud_a_devbox_boots_for_as_long_as_there(tmp_path: Path) -> None:
    async with inside(await open_engine("process", tmp_path), tmp_path, plan="preset=cloud") as running:
        identifier = await running.create()
        await held_back(running, 1)
        await running.clock.advance(1.5)
        assert (await running.view(identifier))["status"] == "initializing"
        await running.clock.advance(0.4)
        assert 1.5 < seconds_to_run(await running.reach(identifier, "running")) < 1.9


@pytest.mark.asyncio
async def test_with_the_preset_cloud_a_burst_boots_more_slowly_from_one_to_the_next(tmp_path: Path) -> None:
    plan = "preset=cloud, boot_jitter=0"
    async with inside(await open_engine("process", tmp_path), tmp_path, plan=plan) as running:
        identifiers = [await running.create() for _ in range(8)]
        await held_back(running, 8)
        for _ in range(40):
            await running.clock.advance(0.1)
        took = [seconds_to_run(await running.reach(identifier, "running")) for identifier in identifiers]
    assert took[0] == pytest.approx(1.7, abs=0.11)
    assert took == sorted(took)
    assert took[-1] > took[0] + 0.4


def test_a_real_boot_counts_as_part_of_the_planned_one(faulty: Faulty) -> None:
    faulty.plan("boot=1.5s")
    view = faulty.create(launch_parameters={"launch_commands": ["sleep 0.5"]}).view()
    # The clock of the transitions is cut to whole milliseconds.
    assert seconds_to_run(view) >= 1.498


def test_other_steps_take_their_time_too(faulty: Faulty) -> None:
    faulty.plan("suspend=0.2s, resume=0.2s, snapshot=0.2s, shutdown=0.2s, rtt=10ms")
    with faulty.client() as client, client.devbox.create() as devbox:
        snapshot = devbox.snapshot_disk()
        devbox.suspend()
        devbox.await_suspended()
        assert devbox.resume().status == "running"
        times = {item.status: item.transition_time_ms or 0 for item in devbox.get_info().state_transitions}
        snapshot.delete()
    assert times["suspended"] - times["suspending"] >= 198
    assert times["running"] - times["resuming"] >= 198


# Deaths


@pytest.mark.parametrize("reason", REASONS)
def test_a_devbox_dies_at_boot_of_each_reason(faulty: Faulty, reason: str) -> None:
    faulty.plan(f"die_{reason}:moment=boot")
    view = faulty.create().view()
    assert ending(view) == (REASONS[reason], reason)
    assert "running" not in [item["status"] for item in view["state_transitions"]]
    assert [entry["detail"] for entry in faulty.log()] == [{"reason": reason}]


@pytest.mark.parametrize("reason", REASONS)
def test_a_devbox_dies_at_a_command_of_each_reason(faulty: Faulty, reason: str) -> None:
    faulty.plan(f'die_{reason}:command="*doomed*"')
    with faulty.client() as client, client.devbox.create() as devbox:
        assert devbox.cmd.exec("echo alive").stdout() == "alive\n"
        with pytest.raises(DevboxNotRunningError):
            devbox.cmd.exec("echo doomed")
        info = devbox.get_info()
    assert (info.status, info.failure_reason or info.shutdown_reason) == (REASONS[reason], reason)


def test_our_client_tells_of_what_a_devbox_died_while_it_booted(faulty: Faulty) -> None:
    faulty.plan("die_out_of_disk:moment=boot")
    with faulty.client() as client, pytest.raises(DevboxFailedError, match="out_of_disk"):
        client.devbox.create()


def test_a_devbox_dies_after_it_ran_and_its_commands_with_it(faulty: Faulty) -> None:
    faulty.plan('die_out_of_memory:command="*sleep 600*":later=0.2')
    box = faulty.create()
    execution = box.begin("sleep 600")
    assert ending(box.wait("failure", "shutdown")) == ("failure", "out_of_memory")
    assert box.finish(execution)["exit_status"] == 137
    assert any("out_of_memory" in line["message"] for line in box.logs() if line["level"] == "error")


def test_a_devbox_dies_once_it_runs(faulty: Faulty) -> None:
    faulty.plan("die_idle:moment=running")
    view = faulty.begin().wait("shutdown", "failure")
    assert ending(view) == ("shutdown", "idle")
    assert [item["status"] for item in view["state_transitions"]][-2:] == ["running", "shutdown"]


def test_a_devbox_dies_at_a_command_of_a_named_shell(faulty: Faulty) -> None:
    faulty.plan('die_out_of_memory:command="*doomed*"')
    box = faulty.create()
    commands = ("until [ -e go ]; do sleep 0.05; done", "echo doomed", "echo never")
    executions = [box.begin(command, shell_name="s") for command in commands]
    box.write("go", "")
    assert ending(box.wait("failure")) == ("failure", "out_of_memory")
    assert [box.finish(execution)["exit_status"] for execution in executions] == [0, 137, 137]


@pytest.mark.parametrize(
    "params",
    [{"launch_parameters": {"launch_commands": ["true doomed"]}}, {"entrypoint": "sleep 600; doomed"}],
)
def test_launch_commands_and_entrypoints_are_commands_too(faulty: Faulty, params: dict[str, Any]) -> None:
    faulty.plan('die_out_of_memory:command="*doomed*"')
    view = faulty.create(**params).view()
    assert ending(view) == ("failure", "out_of_memory")
    assert "running" not in [item["status"] for item in view["state_transitions"]]


@pytest.mark.parametrize("moment", ["suspend", "resume"])
def test_a_devbox_dies_on_its_way_to_sleep_and_back(faulty: Faulty, moment: str) -> None:
    faulty.plan(f"die_ttl_expired:moment={moment}")
    box = faulty.create()
    ok(box.post("suspend"))
    if box.wait("suspended", "shutdown")["status"] == "suspended":
        box.post("resume")
    view = box.wait("shutdown")
    assert ending(view) == ("shutdown", "ttl_expired")
    assert ("suspended" in [item["status"] for item in view["state_transitions"]]) == (moment == "resume")


def test_a_snapshot_whose_devbox_dies_meanwhile_fails(faulty: Faulty) -> None:
    faulty.plan("die_health_check_failed:moment=snapshot")
    with faulty.client() as client, client.devbox.create() as devbox:
        snapshot = devbox.snapshot_disk_async()
        with pytest.raises(SnapshotFailedError, match="complete the snapshot"):
            snapshot.await_completed()
        assert devbox.get_info().failure_reason == "health_check_failed"
        snapshot.delete()


def test_only_the_devbox_of_a_name_dies(faulty: Faulty) -> None:
    faulty.plan("die_out_of_memory:moment=boot:devbox=weak-*")
    assert faulty.create(name="strong").view()["status"] == "running"
    assert faulty.create(name="weak-1").view()["status"] == "failure"


# Gates


def test_a_gate_holds_a_boot_until_it_is_released(faulty: Faulty) -> None:
    faulty.plan("gate:moment=boot:name=held")
    box = faulty.begin()
    (who,) = faulty.held("held")
    assert (who["devbox_id"], box.view()["status"]) == (box.id, "initializing")
    refused(box.post("execute_async", {"command": "true"}), 400, "devbox_not_running")
    assert faulty.release("held") == 1
    box.wait("running")
    assert box.text("echo up") == "up\n"


def test_a_devbox_that_is_ended_while_it_is_held_stays_so(faulty: Faulty) -> None:
    faulty.plan("gate:moment=boot:name=held")
    box = faulty.begin(entrypoint="touch never")
    faulty.held("held")
    view = box.end()
    faulty.release("held")
    assert ending(view) == ("shutdown", "api_shutdown")
    assert box.view() == view


def test_a_command_that_is_held_does_not_start_on_a_devbox_that_ended(faulty: Faulty) -> None:
    faulty.plan('gate:command="*slow*":name=held')
    box = faulty.create()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(box.post, "execute_async", {"command": "echo slow"})
        faulty.held("held")
        box.end()
        faulty.release("held")
        refused(asked.result(PATIENCE), 400, "devbox_not_running", "shutdown")


def test_a_command_that_is_held_keeps_its_place_in_its_shell(faulty: Faulty) -> None:
    faulty.plan('gate:command="*first*":name=held')
    box = faulty.create()
    first, second = (box.begin(f"echo {word} >> f", shell_name="s") for word in ("first", "second"))
    faulty.held("held")
    state = ok(faulty.api.get(f"/v1/devboxes/{box.id}/executions/{first}"))
    assert state["status"] == "queued"
    faulty.release("held")
    assert [box.finish(execution)["exit_status"] for execution in (first, second)] == [0, 0]
    assert box.text("cat f") == "first\nsecond\n"


def test_a_held_snapshot_is_in_progress_and_holds_no_lock(faulty: Faulty) -> None:
    faulty.plan("gate:moment=snapshot:name=held")
    box = faulty.create()
    snapshot = ok(box.post("snapshot_disk_async"))["id"]
    faulty.held("held")
    status = f"/v1/devboxes/disk_snapshots/{snapshot}/status"
    assert ok(faulty.api.get(status))["status"] == "in_progress"
    refused(box.post("shutdown"), 409, "snapshot_in_progress")
    ok(box.post("suspend"))
    box.wait("suspended")
    faulty.release("held")
    while (state := ok(faulty.api.get(status))["status"]) != "complete":
        assert state == "in_progress"
    ok(faulty.api.post(f"/v1/devboxes/disk_snapshots/{snapshot}/delete"))


def test_a_server_ends_in_order_while_devboxes_and_calls_are_held(tmp_path: Path) -> None:
    plan = "gate:moment=boot:name=held, delay@devboxes.list:by=1h"
    with server(tmp_path, "--faults", plan, isolation="process") as running, running.client() as api:
        faulty = Faulty(running, api)
        faulty.begin()
        faulty.held("held")


# Who asks for none


def test_a_server_without_faults_loads_nothing_for_them() -> None:
    script = (
        "import sys; import pytest_runloop.local.serve;"
        "assert not [name for name in sys.modules if name.startswith('pytest_runloop.local.faults')]"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=PATIENCE)
