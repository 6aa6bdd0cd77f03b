"""Optional programs: there or not, of which version, and of use or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_runloop.doctor import programs as module
from pytest_runloop.doctor.programs import examine_programs
from pytest_runloop.doctor.report import Program
from tests.plugin.waiting import until


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory that is the only one with programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "_MORE_PLACES", str(tmp_path))
    monkeypatch.setattr(module, "_OWN_PLACE", str(tmp_path))
    return tmp_path


def _install(path: Path, name: str, script: str) -> None:
    (path / name).write_text(f"#!/bin/sh\n{script}\n")
    (path / name).chmod(0o755)


def _found(name: str) -> Program:
    return next(program for program in examine_programs() if program.name == name)


def test_what_is_missing_is_told_with_what_it_serves_and_how_to_get_it(path: Path) -> None:
    for program in examine_programs():
        assert program.path is None
        assert program.serves
        how = "pip install ast-grep-cli" if program.name == "ast-grep" else "apt-get install"
        assert how in program.remedy


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("git version 2.39.5", "2.39.5"),
        ("OpenSSH_9.2p1 Debian-2, OpenSSL 3.0.15", "9.2p1"),
        ("10.8.2", "10.8.2"),
        ("no number at all", ""),
    ],
)
def test_a_version_is_found_in_what_a_program_says(path: Path, said: str, version: str) -> None:
    _install(path, "git", f"echo '{said}' >&2; exit 1")
    git = _found("git")
    assert (git.path, git.version, git.problem) == (str(path / "git"), version, "")


def test_a_program_that_hangs_is_left_with_its_children(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.5)
    _install(path, "npm", f"/bin/sh -c 'echo $$ >{path}/pid; exec /bin/sleep 600'")
    npm = _found("npm")
    assert "did not end in" in npm.problem
    assert npm.remedy
    if pid := _written(path / "pid"):
        until(lambda: _state(pid) in "ZX", "the end of the program's child")


def _written(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _state(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # It has gone.
        return "X"


def test_a_program_that_cannot_be_started_is_told(path: Path) -> None:
    (path / "tar").write_bytes(b"\x7fELF of some other machine")
    (path / "tar").chmod(0o755)
    assert "cannot be started" in _found("tar").problem


def test_an_engine_whose_daemon_is_silent_is_told(path: Path) -> None:
    _install(path, "docker", 'if [ "$1" = info ]; then echo "Cannot connect" >&2; exit 1; fi; echo 28.1.0')
    docker = _found("docker")
    assert docker.version == "28.1.0"
    assert docker.problem == "`docker info` fails: Cannot connect"
    assert docker.remedy
    _install(path, "docker", "echo 28.1.0")
    assert _found("docker").problem == ""
