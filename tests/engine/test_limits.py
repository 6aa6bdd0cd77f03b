"""Limits of boxes in every tier, as far as this host permits them."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pytest_runloop.local.engine import cgroups
from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.limiter import machine_memory
from pytest_runloop.local.engine.protocol import BoxSpec, Capability, Limit, Limits
from tests.engine.test_confined_death import hosted
from tests.support.boxes import run, say
from tests.support.tiers import opened

pytestmark = pytest.mark.asyncio

_MIB = 1 << 20
_BOMB = r"""
python3 -c '
import os, subprocess
for number in range(60):
    try:
        subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except BlockingIOError:
        print("refused after", number, flush=True)
        break
os._exit(0)
'
"""
_TIERS = ["namespace", "landlock", "process"]


@pytest_asyncio.fixture(params=_TIERS)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SandboxEngine]:
    engine = await opened(request.param, tmp_path)
    yield engine
    await engine.close()


def _need(engine: SandboxEngine, capability: Capability) -> None:
    if capability not in engine.capabilities:
        pytest.skip(f"this host lacks `{capability}`")


def _groups(session: str) -> list[Path]:
    return [
        group for place in cgroups.places() for group in place.directory.glob(f"{cgroups.PREFIX}{session}*")
    ]


async def test_a_command_that_takes_too_much_memory_is_killed_and_nothing_else(engine: SandboxEngine) -> None:
    _need(engine, Capability.LIMITED_MEMORY)
    box = await engine.boot(BoxSpec("box", limits=Limits(memory_bytes=64 * _MIB)))
    assert box.memory_kills() == 0
    status, _ = await run(box, "head -c 256M /dev/zero | tail -c 250M | wc -c; exit ${PIPESTATUS[1]}")
    assert status == 137
    assert box.memory_kills() == 1
    assert await say(box, "echo on") == "on"
    assert not box.ended.done()


async def test_a_box_whose_memory_is_full_of_files_dies_and_says_why(engine: SandboxEngine) -> None:
    _need(engine, Capability.LIMITED_MEMORY)
    if Capability.OWN_ROOT not in engine.capabilities:
        pytest.skip("the files would stay in the machine's own memory")
    box = await engine.boot(BoxSpec("box", limits=Limits(memory_bytes=64 * _MIB)))
    await run(box, "while :; do head -c 8M /dev/zero >>/dev/shm/file; done")
    assert "memory of the devbox was used up" in await box.ended
    assert box.exceeded is Limit.MEMORY


async def test_memory_that_the_machine_does_not_have_is_no_limit(engine: SandboxEngine) -> None:
    box = await engine.boot(BoxSpec("box", limits=Limits(memory_bytes=machine_memory() * 2, cpus=4096)))
    assert box.hold.group.directories == []
    assert box.hold.processors == []


async def test_a_box_is_kept_on_as_many_processors_as_it_has(engine: SandboxEngine) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("this machine has one processor")
    boxes = [await engine.boot(BoxSpec(f"b{number}", limits=Limits(cpus=0.5))) for number in range(2)]
    numbers = [await say(box, "nproc; taskset -cp $$ | sed 's/.*: //'") for box in boxes]
    assert [text.splitlines()[0] for text in numbers] == ["1", "1"]
    assert numbers[0] != numbers[1], "not both on the same one"
    assert await say(await engine.boot(BoxSpec("free")), "nproc") == str(len(os.sched_getaffinity(0)))


async def test_half_a_processor_is_half_of_the_time(engine: SandboxEngine) -> None:
    _need(engine, Capability.LIMITED_CPU)
    spin = "exec 3>&1; time (i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done)"
    slow = await engine.boot(BoxSpec("slow", limits=Limits(cpus=0.1)))
    said = await say(slow, f"TIMEFORMAT='%R %U'; {spin}")
    real, used = map(float, said.split())
    assert used < real * 0.5, "a tenth, and generous room for a machine that is busy with something else"


async def test_no_more_processes_than_permitted(engine: SandboxEngine) -> None:
    _need(engine, Capability.LIMITED_PROCESSES)
    box = await engine.boot(BoxSpec("box", limits=Limits(processes=30)))
    other = await engine.boot(BoxSpec("other", limits=Limits(processes=30)))
    status, said = await run(box, _BOMB)
    assert said.startswith("refused after "), (status, said)
    assert await say(other, "sleep 0 & wait; echo on") == "on"


async def test_a_box_that_wrote_too_much_ends_and_says_why(engine: SandboxEngine) -> None:
    box = await engine.boot(BoxSpec("box", limits=Limits(disk_bytes=8 * _MIB)))
    await run(box, "head -c 32M /dev/zero >~/file; sleep 600")
    assert "8,388,608" in await box.ended
    assert box.exceeded is Limit.DISK


async def test_what_a_box_starts_from_is_not_what_it_wrote(engine: SandboxEngine) -> None:
    first = await engine.boot(BoxSpec("first"))
    await say(first, "head -c 32M /dev/urandom >~/file")
    box = await engine.boot(BoxSpec("box", layer=await first.freeze(), limits=Limits(disk_bytes=8 * _MIB)))
    assert await box._written() < _MIB
    await say(box, "head -c 2M /dev/urandom >~/more")
    assert 2 * _MIB <= await box._written() < 4 * _MIB
    await box.freeze()
    assert 2 * _MIB <= await box._written() < 4 * _MIB, "a snapshot does not make room"
    assert not box.ended.done()


async def test_no_group_is_left_behind(engine: SandboxEngine) -> None:
    session = engine._session.name
    box = await engine.boot(BoxSpec("box", limits=Limits(64 * _MIB, 0.5, None, 100)))
    await run(box, "sleep 600 >/dev/null 2>&1 &")
    directories = list(box.hold.group.directories)
    await box.suspend()
    await box.resume()
    await box.destroy()
    assert not any(directory.exists() for directory in directories)
    await engine.boot(BoxSpec("left", limits=Limits(64 * _MIB, 0.5, None, 100)))
    await engine.close()
    assert _groups(session) == []


@pytest.mark.parametrize("tier", _TIERS)
@pytest.mark.parametrize("zygote_too", [False, True])
async def test_the_groups_of_a_killed_server_go(tier: str, zygote_too: bool, tmp_path: Path) -> None:
    await (await opened(tier, tmp_path)).close()
    with hosted(tier, tmp_path) as host:
        (session,) = (path.name for path in (tmp_path / "sessions").iterdir() if path.is_dir())
        if not _groups(session):
            pytest.skip("this host permits no control groups")
        host.kill(*([host.zygote] if zygote_too else []), host.process.pid)
        await asyncio.to_thread(host.wait_for_the_end, host.process.pid, host.zygote, *host.agents)
        if zygote_too:
            assert _groups(session), "nobody was there to remove them"
            await (await opened(tier, tmp_path)).close()
        assert _groups(session) == []


async def test_the_groups_of_a_killed_server_go_though_its_state_directory_is_gone(
    tmp_path: Path,
) -> None:
    living = await opened("process", tmp_path / "living")
    try:
        box = await living.boot(BoxSpec("box", limits=Limits(processes=100)))
        with hosted("process", tmp_path / "lost") as host:
            (session,) = (path.name for path in (tmp_path / "lost/sessions").iterdir() if path.is_dir())
            if not _groups(session):
                pytest.skip("this host permits no control groups")
            host.kill(host.zygote, host.process.pid)
            await asyncio.to_thread(host.wait_for_the_end, host.process.pid, host.zygote, *host.agents)
            shutil.rmtree(tmp_path / "lost")
            assert _groups(session)
            await (await opened("process", tmp_path / "third")).close()
            assert _groups(session) == []
        assert await say(box, "echo alive") == "alive"
    finally:
        await living.close()


async def test_a_host_that_refuses_what_it_permitted_is_used_without_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "refused")

    monkeypatch.setattr(cgroups, "make", refuse)
    engine = await opened("process", tmp_path)
    assert engine.capabilities == {Capability.LIMITED_DISK}
    box = await engine.boot(BoxSpec("box", limits=Limits(64 * _MIB, 0.5, None, 100)))
    assert await say(box, "echo on") == "on"
    await engine.close()
