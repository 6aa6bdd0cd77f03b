"""Landlock by the kernel's own refusals, each tried in a child."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_runloop.local.engine import landlock
from tests.support.children import PROJECT, run_child

pytestmark = pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")

_SYSTEM = ["/usr", "/bin", "/lib", "/lib64", "/etc", "/proc", sys.base_prefix, sys.prefix]

_ATTEMPT = """
import json, os, sys
from pytest_runloop.local.engine import landlock
room, system, expression = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
landlock.restrict(read_only=system, read_write=[room, "/dev/null"])
try:
    answer = eval(expression, {"os": os, "room": room, "open": open})
except OSError as error:
    answer = type(error).__name__
print(json.dumps(str(answer)))
"""


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A directory that children may write in, beside a file that they may not read."""
    (tmp_path / "beside").write_text("secret")
    path = tmp_path / "room"
    path.mkdir()
    (path / "file").write_text("mine")
    return path


def attempt(room: Path, expression: str) -> Any:
    return run_child(_ATTEMPT, str(room), json.dumps(_SYSTEM), expression)


@pytest.mark.parametrize(
    "expression",
    [
        "open(room + '/new', 'w').write('x')",
        "open(room + '/file').read()",
        "os.mkdir(room + '/directory')",
        "os.symlink('/etc', room + '/link')",
        "os.rename(room + '/file', room + '/other')",
        "os.mkfifo(room + '/fifo')",
        "os.truncate(room + '/file', 0)",
        "os.listdir('/usr')",
        "open('/etc/passwd').read()",
        "open('/dev/null', 'w').write('x')",
        "os.spawnvp(os.P_WAIT, 'true', ['true'])",
    ],
)
def test_what_is_allowed_works(room: Path, expression: str) -> None:
    assert not attempt(room, expression).endswith("Error")


@pytest.mark.parametrize(
    "expression",
    [
        "open(room + '/../beside').read()",
        "open(room + '/../beside', 'w')",
        "os.unlink(room + '/../beside')",
        "os.truncate(room + '/../beside', 0)",
        "os.mkdir(room + '/../new')",
        "os.listdir(room + '/..')",
        "open('/usr/new-file', 'w')",
        "os.readlink('/proc/' + str(os.getppid()) + '/cwd')",
    ],
)
def test_what_is_not_allowed_is_refused_by_the_kernel(room: Path, expression: str) -> None:
    assert attempt(room, expression) == "PermissionError"
    assert (room.parent / "beside").read_text() == "secret"
    assert sorted(path.name for path in room.parent.iterdir()) == ["beside", "room"]


def test_a_link_that_leads_out_of_the_room_is_refused(room: Path) -> None:
    (room / "way-out").symlink_to(room.parent / "beside")
    assert attempt(room, "open(room + '/way-out').read()") == "PermissionError"


def test_a_missing_path_in_the_rules_is_no_error(tmp_path: Path) -> None:
    source = """
from pytest_runloop.local.engine.landlock import restrict
restrict(read_only=['/missing'], read_write=[])
print(1)
"""
    assert run_child(source) == 1


@pytest.mark.skipif(landlock.abi() < 6, reason="this kernel's Landlock does not hold signals in")
def test_signals_reach_nothing_outside(room: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as victim:
        assert attempt(room, f"os.kill({victim.pid}, {int(signal.SIGKILL)})") == "PermissionError"
        assert victim.poll() is None
        victim.kill()


def test_the_caller_is_not_restricted_by_the_call_of_a_child(room: Path) -> None:
    attempt(room, "1")
    assert (room.parent / "beside").read_text() == "secret"
    assert os.access(PROJECT, os.R_OK)


def test_no_landlock_is_an_error_and_not_silence(tmp_path: Path) -> None:
    source = """
import errno, json
from pytest_runloop.local.engine import landlock, seccomp
seccomp.architecture().calls["landlock_create_ruleset"] = 444
refuse = seccomp.on_calls(["landlock_create_ruleset"], [seccomp.fail_with(errno.ENOSYS)])
seccomp.install([*refuse, seccomp.give(seccomp.ALLOW)])
try:
    landlock.restrict(read_only=[], read_write=["/"])
except OSError as error:
    print(json.dumps([landlock.abi(), error.errno == errno.ENOSYS]))
"""
    assert run_child(source) == [0, True]
