"""Sizes of devboxes: what may be asked for, what becomes of those that take more, what the log says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop.local.engine.protocol import Box as EngineBox
from pytest_runloop.local.engine.protocol import BoxSpec, Limits
from pytest_runloop.local.engine.select import open_engine
from pytest_runloop.local.limits import GIB, limits_of
from pytest_runloop.local.settings import Settings

from .box import Box, ok, refused
from .running import Server, inside

_SMALL: dict[str, Any] = {
    "resource_size_request": "CUSTOM_SIZE",
    "custom_cpu_cores": 0.5,
    "custom_gb_memory": 1,
    "custom_disk_size": 2,
}
_EAT = "head -c 3G /dev/zero | tail -c 2G | wc -c; exit ${PIPESTATUS[1]}"


@pytest.fixture
def limited_memory(backend: Server) -> None:
    """Skip where memory is not limited."""
    if "limited-memory" not in backend.ready["capabilities"]:
        pytest.skip("this host lacks `limited-memory`")


def test_every_size_of_the_api_stands_for_limits() -> None:
    assert limits_of({"resource_size_request": "X_SMALL"}, 9).cpus == 0.5
    assert limits_of({"resource_size_request": "XX_LARGE"}, 9).memory_bytes == 32 * GIB
    custom = limits_of(_SMALL, 9)
    assert (custom.memory_bytes, custom.cpus, custom.disk_bytes, custom.processes) == (GIB, 0.5, 2 * GIB, 9)


def test_without_a_size_only_processes_are_limited() -> None:
    limits = limits_of({}, 9)
    assert (limits.memory_bytes, limits.cpus, limits.disk_bytes, limits.processes) == (None, None, None, 9)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"custom_cpu_cores": 3}, ("custom_cpu_cores", "0.5, 1 or an even number up to 16", "not 3")),
        ({"custom_cpu_cores": 18}, ("custom_cpu_cores", "not 18")),
        ({"custom_gb_memory": 3}, ("custom_gb_memory", "even number up to 64", "not 3")),
        ({"custom_gb_memory": None}, ("custom_gb_memory", "is missing")),
        ({"custom_cpu_cores": None}, ("custom_cpu_cores", "is missing")),
        ({"custom_disk_size": 66}, ("custom_disk_size", "from 2 to 64", "not 66")),
        ({"custom_disk_size": 0}, ("custom_disk_size", "not 0")),
        ({"resource_size_request": "LARGE"}, ("custom_cpu_cores", "CUSTOM_SIZE")),
        ({"resource_size_request": None}, ("custom_cpu_cores", "CUSTOM_SIZE")),
        ({"resource_size_request": "HUGE"}, ("resource_size_request",)),
    ],
)
def test_a_size_that_the_service_does_not_give_is_refused(
    api: httpx.Client, change: dict[str, Any], words: tuple[str, ...]
) -> None:
    answer = api.post("/v1/devboxes", json={"launch_parameters": _SMALL | change})
    refused(answer, 400, "invalid_request", *words)


def test_the_size_is_echoed_and_logged_with_what_is_no_limit_here(api: httpx.Client, backend: Server) -> None:
    box = Box.create(api, launch_parameters=_SMALL)
    assert box.view()["launch_parameters"]["custom_cpu_cores"] == 0.5
    lines = [line for line in box.logs() if line["source"] == "stats"]
    assert lines[0]["message"] == "size: 0.5 vCPU, 1 GiB memory, 2 GiB disk"
    kinds = {"limited-memory", "limited-cpu", "limited-disk", "limited-processes"}
    lacking = kinds - set(backend.ready["capabilities"])
    warned = {kind for kind in kinds for line in lines if line["level"] == "warn" and kind in line["message"]}
    assert warned == lacking
    box.end()


@pytest.mark.usefixtures("limited_memory")
def test_a_command_that_took_all_memory_exits_with_137_and_the_log_says_why(api: httpx.Client) -> None:
    box = Box.create(api, launch_parameters=_SMALL)
    view = box.run(_EAT)
    assert view["exit_status"] == 137
    (line,) = [line for line in box.logs() if line["source"] == "kmsg"]
    assert "out of memory" in line["message"]
    assert (line["level"], line["cmd_id"], line["cmd"]) == ("error", view["execution_id"], _EAT)
    assert box.text("echo on") == "on\n"
    assert len([line for line in box.logs() if line["source"] == "kmsg"]) == 1
    box.end()


@pytest.mark.usefixtures("limited_memory")
def test_a_launch_command_that_took_all_memory_fails_the_devbox_for_that(api: httpx.Client) -> None:
    box = Box.create(api, launch_parameters=_SMALL | {"launch_commands": [_EAT]})
    view = box.view()
    assert (view["status"], view["failure_reason"]) == ("failure", "out_of_memory")


@pytest.mark.usefixtures("limited_memory")
def test_an_entrypoint_that_took_all_memory_fails_the_devbox_for_that(api: httpx.Client) -> None:
    created = ok(api.post("/v1/devboxes", json={"entrypoint": _EAT, "launch_parameters": _SMALL}))
    view = Box(api, created["id"]).wait("failure", "shutdown")
    assert (view["status"], view["failure_reason"]) == ("failure", "out_of_memory")


def test_a_devbox_that_wrote_more_than_its_disk_fails_for_that(api: httpx.Client) -> None:
    box = Box.create(api, launch_parameters=_SMALL)
    running = box.begin("fallocate -l 3G file && sleep 600")
    view = box.wait("failure")
    assert view["failure_reason"] == "out_of_disk"
    assert box.finish(running)["exit_status"] == 137
    (line,) = [line for line in box.logs() if line["level"] == "error"]
    assert "its disk has 2,147,483,648" in line["message"]
    refused(box.post("execute_async", {"command": "true"}), 400, "devbox_not_running", "create another")


def test_another_architecture_is_refused_with_the_machines_own(api: httpx.Client) -> None:
    box = Box.create(api)
    own = box.view()["launch_parameters"]["architecture"]
    box.end()
    other = {"x86_64": "arm64"}.get(own, "x86_64")
    answer = api.post("/v1/devboxes", json={"launch_parameters": {"architecture": other}})
    refused(answer, 400, "not_supported_locally", own, other, "leave it out")
    Box.create(api, launch_parameters={"architecture": own}).end()


@pytest.mark.asyncio
async def test_builds_have_the_bound_of_processes_that_devboxes_have(tmp_path: Path) -> None:
    engine = await open_engine("process", tmp_path)
    booted: list[BoxSpec] = []
    boot = engine.boot

    async def noting(spec: BoxSpec) -> EngineBox:
        booted.append(spec)
        return await boot(spec)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "boot", noting)
        async with inside(engine, tmp_path, Settings(processes=77)) as running:
            request = {"name": "x", "dockerfile": "FROM debian\nRUN true"}
            view = (await running.api.post("/v1/blueprints", json=request)).json()
            while view["status"] != "build_complete":
                assert view["status"] != "failed"
                await asyncio.sleep(0.01)
                view = (await running.api.get(f"/v1/blueprints/{view['id']}")).json()
            await running.reach(await running.create(blueprint_id=view["id"]), "running")
    assert [spec.limits for spec in booted] == [Limits(processes=77)] * 2
