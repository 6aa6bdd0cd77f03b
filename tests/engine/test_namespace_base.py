"""What boxes in namespaces stand on, and how it follows the machine."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_runloop.local.engine import base, etc, host, shims, skin
from pytest_runloop.local.engine.host import Host

_PYTHON = Path(sys.executable)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state" / "trash").mkdir(parents=True)
    return tmp_path / "state"


@pytest.fixture
def small_host(tmp_path: Path) -> Host:
    """A machine whose only system directory is a small one."""
    (tmp_path / "system" / "a" / "b").mkdir(parents=True)
    return Host({"bin": "usr/bin"}, (str(tmp_path / "system")[1:],), (), _PYTHON)


# The survey


def test_the_system_is_stacked_upon_and_the_python_is_in_sight(state: Path) -> None:
    found = host.survey(state)
    assert "usr" in found.overlaid
    shown = [f"/{name}" for name in (*found.overlaid, *found.bound)]
    assert any(Path(sys.base_prefix).resolve().is_relative_to(place) for place in shown)
    assert not set(found.overlaid) & {"home", "root", "tmp", "run", "var", "etc", "dev", "proc"}


def test_a_directory_that_holds_the_state_is_not_stacked_upon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere/python")  # Else the interpreter's is shown as it is.
    found = host.survey(Path("/usr/local/state"))
    assert "usr" not in (*found.overlaid, *found.bound)


def test_a_directory_that_holds_a_mount_is_shown_read_only(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "mount_points", lambda: [Path("/"), Path("/usr/lib/driver")])
    found = host.survey(state)
    assert "usr" not in found.overlaid
    assert "usr" in found.bound


def test_mount_points_are_read_with_their_odd_names() -> None:
    assert Path("/proc") in host.mount_points()


# The base


def test_it_is_made_once_and_again_when_the_machine_changes(
    state: Path, small_host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = base.provide(state, small_host, one_id=True)
    again = base.provide(state, small_host, one_id=True)
    assert first.path == again.path
    inode = first.skin.stat().st_ino
    monkeypatch.setattr(base, "_stamps", lambda: ["another package"])
    second = base.provide(state, small_host, one_id=True)
    assert second.path != first.path
    assert first.path.exists()  # It is in use.
    second.close()
    first.close()
    again.close()
    monkeypatch.setattr(base, "_stamps", lambda: ["yet another"])
    third = base.provide(state, small_host, one_id=True)
    assert not first.path.exists()
    assert not second.path.exists()
    assert third.skin.is_dir()
    assert inode  # One of the two skins was taken over.
    third.close()


def test_one_that_was_not_finished_is_made_anew(state: Path, small_host: Host) -> None:
    found = base.provide(state, small_host, one_id=False)
    found.close()
    found.path.rename(found.path.with_name(f".{found.path.name}"))
    found = base.provide(state, small_host, one_id=False)
    assert (found.path / "root" / "etc" / "passwd").exists()
    assert not found.skin.exists()
    found.close()


# The skin


def test_a_skin_has_the_directories_and_follows_them(tmp_path: Path) -> None:
    place = tmp_path / "host"
    (place / "kept" / "deep").mkdir(parents=True)
    (place / "gone").mkdir()
    (place / "sticky").mkdir()
    (place / "sticky").chmod(0o1777)
    (place / "file").touch()
    (place / "link").symlink_to("kept")
    name = str(place)[1:]
    made = tmp_path / "skin"
    skin.Skin(made).cover(name)
    assert _tree(made / name) == ["gone", "kept", "kept/deep", "sticky"]
    assert stat.S_IMODE((made / name / "sticky").stat().st_mode) == 0o1777
    (place / "gone").rmdir()
    (place / "kept" / "new").mkdir()
    skin.Skin(made).cover(name)
    assert _tree(made / name) == ["kept", "kept/deep", "kept/new", "sticky"]


def test_a_skin_brings_what_package_managers_write_in_place(tmp_path: Path) -> None:
    place = tmp_path / "host"
    (place / "triggers").mkdir(parents=True)
    (place / "info").mkdir()
    for name in ("status", "triggers/File", "info/many.list"):
        (place / name).write_text(name)
    made, name = skin.Skin(tmp_path / "skin"), str(place)[1:]
    made.cover(name)
    made.copy_files(name)
    assert _tree(tmp_path / "skin" / name) == ["info", "status", "triggers", "triggers/File"]
    assert (tmp_path / "skin" / name / "status").read_text() == "status"


def _tree(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


# Commands and settings


def test_a_machine_without_python_gets_the_engines_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shims, "SYSTEM", tmp_path / "empty")
    shims.install(tmp_path / "layer", _PYTHON)
    commands = tmp_path / "layer" / "usr" / "local" / "bin"
    for name in ("python", "python3"):
        done = subprocess.run(
            [commands / name, "-c", "print(6 * 7)"], capture_output=True, check=True, text=True
        )
        assert done.stdout == "42\n"
    done = subprocess.run([commands / "pip", "--version"], capture_output=True, check=True, text=True)
    assert done.stdout.startswith("pip ")


def test_a_machine_with_everything_gets_sudo_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "system"
    system.mkdir()
    for name in ("python", "python3", "pip", "sudo"):
        (system / name).touch()
    monkeypatch.setattr(shims, "SYSTEM", system)
    shims.install(tmp_path / "layer", _PYTHON)
    assert [path.name for path in (tmp_path / "layer" / "usr" / "local" / "bin").iterdir()] == ["sudo"]
    assert os.access(tmp_path / "layer" / "usr" / "bin" / "sudo", os.X_OK)


def test_etc_holds_no_people_and_no_secrets(tmp_path: Path) -> None:
    etc.make(tmp_path / "etc", one_id=True)
    names = [line.partition(":")[0] for line in (tmp_path / "etc" / "passwd").read_text().splitlines()]
    assert names[:2] == ["user", "root"]
    assert len(names) == len(set(names))
    for line in (tmp_path / "etc" / "passwd").read_text().splitlines():
        number = int(line.split(":")[2])
        assert number < 1000 or number == 65534
    for path in (tmp_path / "etc").rglob("*"):
        original = Path("/etc") / path.relative_to(tmp_path / "etc")
        if (
            path.is_file()
            and not path.is_symlink()
            and original.is_file()
            and path.name not in ("shadow", "gshadow")
        ):
            assert original.stat().st_mode & stat.S_IROTH, path


def test_settings_of_pip_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etc, "_text", lambda _: "[global]\ntimeout = 60\n[install]\nuser = no\n")
    assert {"timeout = 60", "break-system-packages = true", "user = no"} <= set(
        etc._pip_configuration().splitlines()
    )


@pytest.mark.parametrize("broken", ["", "no section", "[global\n", "[global]\nx = 1\n[global]\n"])
def test_broken_settings_of_pip_do_no_harm(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etc, "_text", lambda _: broken)
    assert "break-system-packages = true" in etc._pip_configuration()
