"""What a build that failed has lacked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pytest_runloop.local import shortage
from pytest_runloop.local.engine.select import open_engine

from .running import Inside, inside


@pytest_asyncio.fixture
async def builder(tmp_path: Path) -> AsyncIterator[Inside]:
    """A backend within the test, on plain processes."""
    async with inside(await open_engine("process", tmp_path), tmp_path) as running:
        yield running


async def _failure(builder: Inside, dockerfile: str, **params: object) -> tuple[str, str]:
    """Build what fails, and return the reason and the errors of the log."""
    params = {"name": "bp", "dockerfile": dockerfile, **params}
    view = (await builder.api.post("/v1/blueprints", json=params)).json()
    while view["status"] in ("provisioning", "building"):
        await asyncio.sleep(0.01)
        view = (await builder.api.get(f"/v1/blueprints/{view['id']}")).json()
    assert view["status"] == "failed"
    lines = (await builder.api.get(f"/v1/blueprints/{view['id']}/logs")).json()["logs"]
    return view["failure_reason"], "\n".join(line["message"] for line in lines if line["level"] == "error")


def _kill_counter(monkeypatch: pytest.MonkeyPatch, path: Path, kills: int) -> None:
    path.write_text(f"pgfault 5\noom_kill {kills}\n")
    monkeypatch.setattr(shortage, "_VMSTAT", path)


@pytest.mark.asyncio
async def test_a_command_that_the_kernel_killed_for_memory_was_out_of_memory(
    builder: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = tmp_path / "vmstat"
    _kill_counter(monkeypatch, counter, 3)
    dockerfile = f"FROM debian\n\nRUN printf 'oom_kill 4\\n' >{counter}; kill -9 $$\n"
    reason, message = await _failure(builder, dockerfile)
    assert reason == "out_of_memory"
    assert "line 3" in message
    assert "137" in message


@pytest.mark.asyncio
async def test_a_command_that_killed_itself_was_not(
    builder: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _kill_counter(monkeypatch, tmp_path / "vmstat", 3)
    assert (await _failure(builder, "FROM debian\nRUN kill -9 $$\n"))[0] == "build_failed"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("echo 'sh: fork: Cannot allocate memory' >&2; exit 254", "out_of_memory"),
        ("head -c 10 /dev/zero >/dev/full", "out_of_disk"),
        ("python3 -c \"open('/dev/full', 'w').write('x' * 99999)\"", "out_of_disk"),
        ("echo 'ENOSPC: no space left on device, write'; exit 1", "out_of_disk"),
        ("echo 'tar: x: Disk quota exceeded' >&2; exit 2", "out_of_disk"),
        ("exit 28", "build_failed"),
    ],
)
async def test_what_a_command_says_tells_what_it_lacked(builder: Inside, command: str, expected: str) -> None:
    reason, message = await _failure(builder, f"FROM debian\nRUN {command}\n")
    assert reason == expected, message
    assert "line 2" in message
    reason, message = await _failure(builder, "FROM debian", system_setup_commands=[command])
    assert reason == expected, message
    assert "system setup command 1 of 1" in message


def test_a_kernel_that_counts_no_kills_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortage, "_VMSTAT", tmp_path / "missing")
    assert shortage.memory_kills() == 0
    (tmp_path / "missing").write_text("pgfault 1\n")
    assert shortage.memory_kills() == 0


def test_the_kernels_counter_is_read() -> None:
    lines = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    assert shortage.memory_kills() >= int(lines.get("oom_kill", 0))
