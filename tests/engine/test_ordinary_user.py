"""The tiers with namespaces in the hands of an ordinary user, where the tests themselves run as root."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.children import PROJECT

_USER = 54321
_CANDIDATES = (sys.executable, *(f"/usr/bin/python3{minor}" for minor in ("", ".11", ".12", ".13", ".14")))
_OLD = "import sys; sys.exit(sys.version_info < (3, 11))"


def _runs(python: str) -> bool:
    try:
        done = subprocess.run(
            [python, "-c", _OLD], user=_USER, group=_USER, extra_groups=[], cwd="/", check=False
        )
    except OSError:
        return False
    return done.returncode == 0


@pytest.fixture(scope="module", params=["namespace", "container"])
def said(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Run everything once, and give what the commands said."""
    if os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user anyway")
    python = next(filter(_runs, _CANDIDATES), None)
    if python is None:
        pytest.skip("no Python 3.11 or newer that an ordinary user may run")
    daemon = _daemon(request) if request.param == "container" else ""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        for package in ("pytest_runloop", "tests"):
            shutil.copytree(PROJECT / package, home / package, ignore=shutil.ignore_patterns("__pycache__"))
        (home / "state").mkdir()
        os.chown(home / "state", _USER, _USER)
        subprocess.run(["chmod", "-R", "a+rX", place], check=True)
        said = json.loads(_run_as_user(python, home, request.param, daemon))
        if "refused" in said:
            pytest.skip(said["refused"])
        yield said


def _daemon(request: pytest.FixtureRequest) -> str:
    """Return the socket of a Docker daemon, which its group may use."""
    address: str = request.getfixturevalue("docker_address")
    return address.removeprefix("unix://") or "/var/run/docker.sock"


def _run_as_user(python: str, home: Path, tier: str, daemon: str) -> str:
    environment = {"PATH": f"/usr/local/bin:{os.defpath}", "HOME": str(home / "state")}
    done = subprocess.run(
        [python, "-B", "-m", "tests.support.ordinary_user", tier, str(home / "state")],
        user=_USER,
        group=_USER,
        extra_groups=[Path(daemon).stat().st_gid] if daemon else [],
        cwd=home,
        env=environment | ({"DOCKER_HOST": f"unix://{daemon}"} if daemon else {}),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("user", "user\n0\n/home/user\n/home/user"),
        ("sudo", "root"),
        ("system", "ok"),
        ("replace", "empty"),
        ("edit", "x#"),
        ("chown", "0"),
        ("first", "refused"),
        ("package", "tiny"),
        ("apt", "from a package"),
        ("python", "42"),
        ("connect", "reached"),
        ("low port", "free"),
        ("loopback", "refused"),
        ("hidden", "/home: user  /mnt:  /root: .bash_logout .bashrc .profile  /tmp:"),
        ("from idle", "deep\n/etc/new"),
        ("from busy", "deep\nls: cannot access '/usr/bin/env': No such file or directory"),
        ("left", "lock"),
        ("others", "ok"),
        ("image", "of the image\n0\nnone"),
        ("image changed", "ok"),
        ("image owner", "0 755\n0"),
        ("image sudo", "user\nuser"),
        (
            "image layer",
            "ls: cannot access '/bin/true': No such file or directory\n/bin/new\nof the image\nx",
        ),
        ("image left", "False"),
    ],
)
def test_an_ordinary_user_gets_the_same(said: dict[str, str], name: str, expected: str) -> None:
    assert said[name] == expected


def test_an_ordinary_users_box_reaches_what_is_outside(said: dict[str, str]) -> None:
    if said["outside"] == "nowhere":
        pytest.skip("this machine has no address but its loopback's")
    assert said["outside"] == "connected"
    assert said["guarded"] == "0\n13\n13\nrefused\nTrue"


def test_an_ordinary_user_sees_no_process_outside(said: dict[str, str]) -> None:
    assert int(said["processes"]) < 8


def test_an_ordinary_users_fork_bomb_is_the_end_of_nothing_else(said: dict[str, str]) -> None:
    if "limited-processes" not in said["limits"].split():
        pytest.skip("this kernel counts all processes of a user together")
    assert int(said["bomb"]) > 0
