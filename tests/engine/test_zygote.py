"""The fork server: how it starts, what it shows, and what its death means."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pytest_runloop.local.engine import wire
from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.launcher import BootError
from pytest_runloop.local.engine.protocol import BoxGoneError, BoxSpec, EngineError
from pytest_runloop.local.engine.tiers import Tier
from tests.support.boxes import run, say, start

pytestmark = pytest.mark.asyncio

_PATIENCE = 30  # seconds
_SYS_PTRACE = 19


@pytest_asyncio.fixture
async def engine(tmp_path: Path) -> AsyncIterator[SandboxEngine]:
    engine = await SandboxEngine.open(Tier(), tmp_path / "state")
    yield engine
    await engine.close()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _may_trace() -> bool:
    """Tell whether we may look into every process: root may, unless a container's."""
    status = Path("/proc/self/status").read_text()
    return bool(int(status.partition("CapEff:")[2].split()[0], 16) >> _SYS_PTRACE & 1)


async def test_it_starts_clean(engine: SandboxEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_SERVER", "x")
    await engine.boot(BoxSpec("box"))
    place = Path(f"/proc/{engine.zygote().pid}")
    if _may_trace():  # It lets nobody else look.
        names = {entry.partition(b"=")[0] for entry in (place / "environ").read_bytes().split(b"\0") if entry}
        assert names == {b"LANG", b"PATH"}
        descriptors = {str(entry.readlink()) for entry in (place / "fd").iterdir()}
        assert not [
            name
            for name in descriptors
            if name.startswith("/") and "sessions" not in name and name != "/dev/null"
        ]
    command = (place / "cmdline").read_bytes().rstrip(b"\0")
    assert command == b"pytest-runloop: zygote"
    assert len(list((place / "task").iterdir())) == 1


async def test_its_death_ends_every_box_with_a_reason(engine: SandboxEngine) -> None:
    boxes = [await engine.boot(BoxSpec(f"b{number}")) for number in range(3)]
    process = await start(boxes[0], "sleep 600")
    os.kill(engine.zygote().pid, signal.SIGKILL)
    for box in boxes:
        assert "zygote" in await asyncio.wait_for(box.ended, _PATIENCE)
        with pytest.raises(BoxGoneError, match="zygote"):
            await run(box, "true")
    assert await process.wait() == 128 + signal.SIGKILL


async def test_the_next_boot_gets_a_new_one(engine: SandboxEngine) -> None:
    first = await engine.boot(BoxSpec("first"))
    old = engine.zygote().pid
    os.kill(old, signal.SIGKILL)
    await asyncio.wait_for(first.ended, _PATIENCE)
    second = await engine.boot(BoxSpec("second"))
    assert engine.zygote().pid != old
    assert await say(second, "echo on") == "on"
    await first.destroy()


async def test_a_suspended_box_outlives_it(engine: SandboxEngine) -> None:
    box = await engine.boot(BoxSpec("box"))
    await say(box, "echo kept >file")
    await box.suspend()
    os.kill(engine.zygote().pid, signal.SIGKILL)
    await asyncio.sleep(0.05)
    await box.resume()
    assert await say(box, "cat file") == "kept"
    assert not box.ended.done()


async def test_a_box_that_is_killed_from_outside_says_so(engine: SandboxEngine) -> None:
    box = await engine.boot(BoxSpec("box"))
    (agent,) = _children(engine.zygote().pid)
    os.kill(agent, signal.SIGKILL)
    assert "SIGKILL" in await asyncio.wait_for(box.ended, _PATIENCE)
    with pytest.raises(BoxGoneError, match="SIGKILL"):
        await box.resume()


async def test_a_child_that_ends_while_the_server_goes_does_not_break_it(engine: SandboxEngine) -> None:
    await engine.boot(BoxSpec("box"))
    zygote = engine.zygote()
    (agent,) = _children(zygote.pid)
    os.kill(zygote.pid, signal.SIGSTOP)
    os.kill(agent, signal.SIGKILL)
    closing = asyncio.ensure_future(zygote.close())
    # As a killed server's end of the line closes, moments before its process has ended.
    await asyncio.sleep(0)
    os.kill(zygote.pid, signal.SIGCONT)
    await asyncio.wait_for(closing, _PATIENCE)
    assert zygote.last_words() == ""


async def test_a_failing_step_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    class Broken(Tier):
        def plan(self, *arguments: object, **options: object) -> dict[str, object]:
            return {"home": "/proc/no/such", "username": "user"}

    engine = await SandboxEngine.open(Broken(), tmp_path / "state")
    try:
        with pytest.raises(BootError) as caught:
            await engine.boot(BoxSpec("box"))
        assert caught.value.number
        assert "/proc/no" in str(caught.value)
        assert list(engine._session.boxes.iterdir()) == []
    finally:
        await engine.close()


async def test_a_zygote_that_cannot_start_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await SandboxEngine.open(Tier(), tmp_path / "state")
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(EngineError, match="/no/such/python"):
        await engine.boot(BoxSpec("box"))
    await engine.close()


async def test_a_zygote_that_breaks_at_once_says_why(tmp_path: Path) -> None:
    class Missing(Tier):
        isolation = "no_such_module:World"

    engine = await SandboxEngine.open(Missing(), tmp_path / "state")
    with pytest.raises(EngineError, match="no_such_module"):
        await engine.boot(BoxSpec("box"))
    await engine.close()


async def test_a_helpers_failure_names_the_file(engine: SandboxEngine, tmp_path: Path) -> None:
    with pytest.raises(BootError, match="missing"):
        await engine.run("copy", str(tmp_path / "missing"), str(tmp_path / "copy"))


async def test_a_closed_engine_starts_nothing(engine: SandboxEngine) -> None:
    zygote = engine.zygote().pid
    await engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(zygote, 0)
    with pytest.raises(EngineError, match="closed"):
        await engine.boot(BoxSpec("box"))
    with pytest.raises(EngineError, match="closed"):
        engine.zygote()


# Messages


async def test_messages_of_any_size_and_cut_come_through() -> None:
    messages = [{"n": number, "text": "\udcff" * size} for number, size in enumerate((0, 1, 70_000, 3))]
    stream = b"".join(wire.encode(message) for message in messages)
    for step in (1, 7, 64 * 1024):
        if step == 1:
            stream_, expected = wire.encode(messages[1]), messages[1:2]
        else:
            stream_, expected = stream, messages
        decoder = wire.Decoder()
        found = [
            message
            for position in range(0, len(stream_), step)
            for message, _ in decoder.feed(stream_[position : position + step], [])
        ]
        assert found == expected


async def test_descriptors_go_to_their_own_message() -> None:
    decoder = wire.Decoder()
    stream = wire.encode({"a": 1}) + wire.encode({"b": 2}, 2) + wire.encode({"c": 3}, 1)
    assert list(decoder.feed(stream, [7, 8, 9])) == [({"a": 1}, []), ({"b": 2}, [7, 8]), ({"c": 3}, [9])]
