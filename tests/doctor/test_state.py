"""Where state lies, and what may be wrong with the place."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from pytest_runloop.doctor import state as module
from pytest_runloop.doctor.report import Problem
from pytest_runloop.doctor.state import _file_system, examine_state
from pytest_runloop.local.engine.protocol import BoxSpec
from pytest_runloop.local.engine.select import open_engine
from pytest_runloop.local.store import Store


@pytest.fixture(autouse=True)
def _disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the place be on a disk that serves, whatever this machine's is: in a container it may be none."""
    monkeypatch.setattr(module, "_file_system", lambda _: ("ext4", ["rw"]))


def _fill(state_dir: Path) -> None:
    store = Store(state_dir / "backend.sqlite3")
    for name in ("s1", "s2"):
        store.put("snapshot", name, "{}")
    store.put("blueprint", "b1", "{}")
    for name in ("o1", "o2", "o3"):
        store.put("object", name, "{}")
    store.close()
    (state_dir / "axons").mkdir()
    (state_dir / "axons" / "axn_1.sqlite3").touch()


@pytest.mark.asyncio
async def test_blueprints_snapshots_layers_and_sessions_are_counted(tmp_path: Path) -> None:
    engine = await open_engine("process", tmp_path)
    try:
        box = await engine.boot(BoxSpec("box"))
        await box.freeze()
        (tmp_path / "sessions" / "dead").mkdir()
        _fill(tmp_path)
        state, problems = await asyncio.to_thread(examine_state, tmp_path)
    finally:
        await engine.close()
    assert (state.snapshots, state.blueprints, state.objects, state.layers) == (2, 1, 3, 1)
    assert state.axons == 1
    assert (state.living_sessions, state.dead_sessions) == (1, 1)
    assert state.exists
    assert state.size is not None
    assert state.size > 0
    assert problems == []


def test_a_missing_place_is_made_for_this_user_alone(tmp_path: Path) -> None:
    state, problems = examine_state(tmp_path / "a" / "state")
    assert (state.exists, state.mode, problems) == (False, "0700", [])
    assert (state.snapshots, state.layers) == (0, 0)


def test_a_place_that_others_may_look_into_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    _, [problem] = examine_state(tmp_path)
    assert problem == Problem(
        f"others may look into {tmp_path}", f"run `chmod 700 {tmp_path}`, as each start does"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give directories away")
def test_a_place_of_another_user_is_fatal(tmp_path: Path) -> None:
    os.chown(tmp_path, 54321, 54321)
    state, problems = examine_state(tmp_path)
    assert state.owner == "54321"
    assert [problem.fatal for problem in problems] == [True]
    assert "belongs to 54321" in problems[0].what


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_fatal(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    _, problems = examine_state(tmp_path)
    assert [problem.fatal for problem in problems] == [True]


def test_a_broken_store_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "backend.sqlite3").write_text("this is no database, and long enough to be seen as none")
    state, _ = examine_state(tmp_path)
    assert (state.snapshots, state.blueprints) == (None, None)


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(module, "state_path", nowhere)
    state, [problem] = examine_state(None)
    assert state.path == "unknown"
    assert problem.fatal
    assert "RUNLOOP_STATE_DIR" in problem.remedy


@pytest.mark.parametrize(
    ("kind", "options", "word", "fatal"),
    [
        ("nfs4", "rw", "over a network", False),
        ("overlay", "rw", "as the disk of a container", False),
        ("ext4", "rw,noexec", "noexec", True),
        ("ext4", "rw", None, False),
    ],
)
def test_file_systems_that_do_not_serve_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, options: str, word: str | None, fatal: bool
) -> None:
    monkeypatch.setattr(module, "_file_system", lambda _: (kind, options.split(",")))
    _, problems = examine_state(tmp_path)
    assert [(word or "") in problem.what for problem in problems] == ([True] if word else [])
    assert [problem.fatal for problem in problems] == ([fatal] if word else [])


def test_a_disk_that_is_almost_full_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_LITTLE", 1 << 62)
    _, [problem] = examine_state(tmp_path)
    assert "MiB are free" in problem.what


def test_counting_ends_in_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / str(number)).write_text("x")
    monkeypatch.setattr(module, "_COUNTING_SECONDS", -1.0)
    state, _ = examine_state(tmp_path)
    assert not state.size_complete


def test_the_file_system_of_a_path_is_that_of_the_nearest_mount() -> None:
    assert _file_system(Path("/proc/self"))[0] == "proc"
    assert module._mount("1 2 0:3 / /a\\040b rw,noexec shared:1 - ext4 /dev/x rw") == (
        "/a b",
        "ext4",
        ["rw", "noexec"],
    )
