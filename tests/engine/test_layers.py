"""Layers: what a frozen disk keeps, for how long, and what is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pytest_runloop.local.engine import trees
from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.namespace_tier import NamespaceTier
from pytest_runloop.local.engine.protocol import Box, BoxGoneError, BoxSpec, EngineError
from pytest_runloop.local.engine.tiers import Tier
from tests.support.boxes import get, put, run, say, start

pytestmark = pytest.mark.asyncio

_CHAIN = 60


@pytest_asyncio.fixture
async def plain(tmp_path: Path) -> AsyncIterator[SandboxEngine]:
    """An engine without isolation, whose layers are copies."""
    engine = await SandboxEngine.open(Tier(), tmp_path / "state")
    yield engine
    await engine.close()


# Freezing


async def test_an_idle_box_is_frozen_by_a_reboot_and_goes_on(engine: SandboxEngine, box: Box) -> None:
    await say(box, "echo one >file; echo kept >/run/file; rm /usr/bin/env")
    layer = await box.freeze()
    assert await say(box, "cat file /run/file; echo two >file; ls /usr/bin/env 2>/dev/null || echo none") == (
        "one\nkept\nnone"
    )
    copy = await engine.boot(BoxSpec("copy", layer=layer))
    assert await say(copy, "cat file; ls /run/file /usr/bin/env 2>/dev/null || echo none") == "one\nnone"


async def test_a_busy_box_is_frozen_while_its_processes_stand_still(engine: SandboxEngine, box: Box) -> None:
    counting = await start(box, "i=0; while :; do i=$((i+1)); echo $i >>count; done")
    stopped = await start(box, "kill -STOP $$")
    await say(
        box,
        "until [ -s count ]; do sleep 0.01; done; mkdir shut; echo deep >shut/file; chmod 000 shut;"
        "ln -s x link; ln count hard; mkfifo pipe",
    )
    await say(box, f"until grep -q '^State:.T' /proc/{stopped.pid}/status; do sleep 0.01; done")
    layer = await box.freeze()
    before = await say(box, "wc -l <count")
    assert (
        await say(box, f"until [ $(wc -l <count) -gt {before} ]; do sleep 0.01; done; echo counts")
        == "counts"
    )
    assert "T (stopped)" in await say(box, f"grep State /proc/{stopped.pid}/status")
    counting.signal(signal.SIGKILL)
    copy = await engine.boot(BoxSpec("copy", layer=layer))
    assert await say(
        copy, "stat -c '%a %F' shut link pipe; stat -c %h count; cat shut/file; pgrep -P 1 bash | wc -l"
    ) == ("0 directory\n777 symbolic link\n644 fifo\n2\ndeep\n1")


async def test_files_in_memory_survive_a_freeze(box: Box) -> None:
    await say(box, "echo x >/dev/shm/file")
    await box.freeze()
    assert await say(box, "cat /dev/shm/file") == "x"


async def test_a_descriptor_in_use_does_not_write_into_a_layer(engine: SandboxEngine, box: Box) -> None:
    descriptor = await box.open("file", os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"before ")
    layer = await box.freeze()
    os.write(descriptor, b"after")
    os.close(descriptor)
    assert await get(box, "file") == b"before after"
    assert await get(await engine.boot(BoxSpec("copy", layer=layer)), "file") == b"before "


async def test_commands_during_a_freeze_wait_and_run(box: Box) -> None:
    await say(box, "seq 2000 | xargs touch")
    layer, *said = await asyncio.gather(box.freeze(), *(say(box, f"echo {number}") for number in range(5)))
    assert layer
    assert said == ["0", "1", "2", "3", "4"]


async def test_a_box_destroyed_during_a_freeze_is_gone(engine: SandboxEngine, box: Box) -> None:
    freezing = asyncio.create_task(box.freeze())
    await asyncio.sleep(0)
    await box.destroy()
    with pytest.raises((BoxGoneError, EngineError)):
        await asyncio.gather(freezing, run(box, "true"))
    assert (await engine.boot(BoxSpec(box.spec.name))).home == "/home/user"


async def test_a_cancelled_freeze_leaves_the_box_and_no_layer(engine: SandboxEngine, box: Box) -> None:
    await say(box, "echo x >file")
    before = _all(engine)
    for turns in range(0, 12, 3):
        freezing = asyncio.create_task(box.freeze())
        for _ in range(turns):
            await asyncio.sleep(0.001)
        freezing.cancel()
        await asyncio.wait([freezing])
        assert await say(box, "cat file") == "x"
        if not freezing.cancelled():
            await engine.layers.delete(freezing.result())
    await box.destroy()
    assert _all(engine) == before


async def test_a_failed_freeze_leaves_the_box_as_it_was(
    engine: SandboxEngine, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    await say(box, "echo x >file")
    with monkeypatch.context() as patch:
        patch.setattr(type(box), "_move", refuse)
        with pytest.raises(EngineError, match="No space left"):
            await box.freeze()
    assert await say(box, "cat file") == "x"
    assert await box.freeze()


def _all(engine: SandboxEngine) -> set[str]:
    return {path.name for path in engine._session.layers.iterdir()}


async def test_a_long_chain_keeps_every_state(engine: SandboxEngine, box: Box) -> None:
    await say(box, "mkdir d; touch d/gone file-then-directory; rm -rf /usr/share/doc; echo deep >d/deep")
    layers = []
    for number in range(_CHAIN):
        await say(box, f"echo {number} >d/current; touch d/{number}")
        if number == 1:
            await say(box, "rm d/gone; rm file-then-directory; mkdir file-then-directory")
        if number == 2:
            await say(box, "rm -rf d; mkdir d; touch d/2; echo 2 >d/current")
        layers.append(await box.freeze())
    for number in (0, 1, 2, 20, _CHAIN - 1):
        copy = await engine.boot(BoxSpec(f"copy{number}", layer=layers[number]))
        files = range(2, number + 1) if number >= 2 else range(number + 1)
        expected = {
            *map(str, files),
            "current",
            *(["gone"] if number == 0 else []),
            *(["deep"] if number < 2 else []),
        }
        assert set((await say(copy, "ls d")).split()) == expected
        assert await say(copy, "cat d/current; test -e /usr/share/doc || echo none") == f"{number}\nnone"
        kind = "regular empty file" if number == 0 else "directory"
        assert await say(copy, "stat -c %F file-then-directory") == kind
        await copy.destroy()


# Lifetime


async def test_a_layer_outlives_its_box_and_its_engine(namespace_state: Path) -> None:
    first = await SandboxEngine.open(NamespaceTier(), namespace_state)
    box = await first.boot(BoxSpec("box"))
    await say(box, "echo x >file")
    layer = await box.freeze()
    await first.close()
    second = await SandboxEngine.open(NamespaceTier(), namespace_state)
    try:
        assert second.layers.exists(layer)
        assert await say(await second.boot(BoxSpec("box", layer=layer)), "cat file") == "x"
    finally:
        await second.close()


async def test_a_layer_belongs_to_its_tier(plain: SandboxEngine, tmp_path: Path) -> None:
    class OtherTier(Tier):
        name = "other"

    box = await plain.boot(BoxSpec("box"))
    layer = await box.freeze()
    other = await SandboxEngine.open(OtherTier(), tmp_path / "state")
    try:
        assert plain.layers.exists(layer)
        assert not other.layers.exists(layer)
        with pytest.raises(EngineError, match="no layer"):
            await other.boot(BoxSpec("box", layer=layer))
    finally:
        await other.close()


@pytest.mark.parametrize("layer", ["missing", "", "../layers", "a/b", "."])
async def test_what_is_no_layer_does_not_exist(plain: SandboxEngine, layer: str) -> None:
    assert not plain.layers.exists(layer)
    assert await plain.layers.size(layer) == 0
    await plain.layers.delete(layer)
    with pytest.raises(EngineError, match="no layer"):
        await plain.boot(BoxSpec("box", layer=layer))
    assert (await plain.boot(BoxSpec("box"))).spec.name == "box"


async def test_the_size_is_what_a_layer_adds(engine: SandboxEngine, box: Box) -> None:
    await say(box, "head -c 1000000 /dev/urandom >big")
    first = await box.freeze()
    await say(box, "echo x >small")
    second = await box.freeze()
    assert 1_000_000 <= await engine.layers.size(first) < 1_500_000
    assert 0 < await engine.layers.size(second) < 500_000


def _kept(engine: SandboxEngine, layer: str) -> bool:
    directory = engine._session.layers / layer
    return directory.exists()


async def test_a_deleted_layer_goes_when_nothing_stands_on_it(engine: SandboxEngine, box: Box) -> None:
    lower = await box.freeze()
    upper = await box.freeze()
    await engine.layers.delete(lower)
    assert not engine.layers.exists(lower)
    assert engine.layers.exists(upper)
    copy = await engine.boot(BoxSpec("copy", layer=upper))
    await engine.layers.delete(upper)
    assert await say(copy, "echo on") == "on"
    assert _kept(engine, lower)
    assert _kept(engine, upper)
    await asyncio.gather(box.destroy(), copy.destroy())
    assert not _kept(engine, upper)
    assert not _kept(engine, lower)


async def test_a_box_of_another_engine_keeps_a_layer(
    engine: SandboxEngine, box: Box, namespace_state: Path
) -> None:
    layer = await box.freeze()
    await box.destroy()
    other = await SandboxEngine.open(NamespaceTier(), namespace_state)
    try:
        foreign = await other.boot(BoxSpec("foreign", layer=layer))
        await engine.layers.delete(layer)
        with pytest.raises(EngineError, match="no layer"):
            await other.boot(BoxSpec("late", layer=layer))
        assert await say(foreign, "echo on") == "on"
        assert _kept(engine, layer)
    finally:
        await other.close()
    engine.layers.collect()
    assert not _kept(engine, layer)


async def test_a_layer_whose_making_failed_does_not_exist(plain: SandboxEngine) -> None:
    async def fail(draft: Path) -> None:
        (draft / "up").mkdir()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await plain.layers.add(None, fail)
    assert [path.name for path in plain._session.layers.iterdir() if path.is_dir()] == []


async def test_what_a_dead_engine_left_is_swept_and_a_living_ones_is_not(
    plain: SandboxEngine, tmp_path: Path
) -> None:
    sessions = tmp_path / "state" / "sessions"
    living = await plain.boot(BoxSpec("box"))
    dead = sessions / "dead"
    shut = dead / "boxes" / "b" / "work" / "work"
    shut.mkdir(parents=True)
    (shut / "file").touch()
    shut.chmod(0)
    (dead / "lock").touch()
    (sessions / "lockless").mkdir()
    other = await SandboxEngine.open(Tier(), tmp_path / "state")
    await other.close()
    assert sorted(path.name for path in sessions.iterdir()) == sorted(["lock", plain._session.directory.name])
    assert list((tmp_path / "state" / "trash").iterdir()) == []
    assert await say(living, "echo on") == "on"


async def test_files_of_a_box_that_nobody_may_read_are_removed(engine: SandboxEngine, box: Box) -> None:
    await say(box, "mkdir -p a/b/c; touch a/b/c/d; chmod 000 a/b/c a/b a; sudo chown -R nobody /home/user")
    await box.destroy()
    await engine.close()
    assert list(engine._session.trash.iterdir()) == []


async def test_a_state_directory_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match="RUNLOOP_STATE_DIR"):
        await SandboxEngine.open(Tier(), tmp_path / "file")


async def test_a_plain_copy_starts_where_the_first_box_was(plain: SandboxEngine) -> None:
    box = await plain.boot(BoxSpec("box"))
    await put(box, "file", b"x")
    layer = await box.freeze()
    await put(box, "file", b"y")
    copy = await plain.boot(BoxSpec("copy", layer=layer))
    assert await get(copy, "file") == b"x"
    assert await get(box, "file") == b"y"


# Trees


async def test_a_tree_deeper_than_a_path_may_be_long_is_removed(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    deep.mkdir()
    with contextlib.chdir(deep):
        for _ in range(1500):
            Path("directory").mkdir()  # noqa: ASYNC240  (a moment)
            os.chdir("directory")
        trees.remove([str(deep)])
    assert not os.listdir(tmp_path)  # noqa: PTH208


async def test_a_copied_tree_is_the_same(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "d").mkdir(parents=True)
    with (source / "holes").open("wb") as file:
        file.write(b"start")
        file.seek(1 << 24)
        file.write(b"end")
    (source / "d" / "one").write_bytes(b"1")
    os.link(source / "d" / "one", source / "two")
    (source / "link").symlink_to("d/one")
    os.setxattr(source / "d", "user.mark", b"x")
    os.utime(source / "d", ns=(5, 7))
    (source / "two").chmod(0o640)
    trees.copy(str(source), str(target))
    assert (target / "holes").read_bytes() == (source / "holes").read_bytes()
    assert (target / "holes").stat().st_blocks * 512 < 1 << 20
    assert (target / "two").samefile(target / "d" / "one")
    assert stat.S_IMODE((target / "two").stat().st_mode) == 0o640
    assert (target / "link").readlink() == Path("d/one")
    assert os.getxattr(target / "d", "user.mark") == b"x"
    assert (target / "d").stat().st_mtime_ns == 7


async def test_a_tree_that_vanished_is_no_error_to_remove(tmp_path: Path) -> None:
    assert not trees.remove([str(tmp_path / "missing")])


async def test_merged_layers_show_what_the_stack_shows(tmp_path: Path) -> None:
    low, high = tmp_path / "low" / "root", tmp_path / "high" / "root"
    for path in ("low/root/same/low", "low/root/hidden/low", "high/root/same/high", "high/root/hidden/high"):
        (tmp_path / path).mkdir(parents=True)
    (low / "file").write_text("low")
    (high / "file").write_text("high")
    (low / "was-file").touch()
    (high / "was-file").mkdir()
    os.setxattr(high / "hidden", "user.overlay.opaque", b"y")
    trees.merge([str(high.parent), str(low.parent)], str(tmp_path / "flat"))
    flat = tmp_path / "flat" / "root"
    assert (flat / "file").read_text() == "high"
    assert sorted(path.name for path in (flat / "same").iterdir()) == ["high", "low"]
    assert [path.name for path in (flat / "hidden").iterdir()] == ["high"]
    assert os.getxattr(flat / "hidden", "user.overlay.opaque") == b"y"
    assert os.getxattr(flat / "was-file", "user.overlay.opaque") == b"y"
    shutil.rmtree(tmp_path / "flat")
