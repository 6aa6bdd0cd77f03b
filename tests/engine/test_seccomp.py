"""The root emulation in a real single-id user namespace, and the launcher that refuses namespaces."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.children import PROJECT, run_child

_EMULATED = """
import json, os, sys
from pytest_runloop.local.engine import seccomp
seccomp.install_root_emulation()
path = sys.argv[1]
"""


def _single_id_namespace() -> tuple[str, ...]:
    command = ("unshare", "--user", "--map-root-user")
    if shutil.which("unshare") is None:
        pytest.skip("no `unshare` to make a namespace with")
    tried = subprocess.run([*command, "true"], capture_output=True, text=True, timeout=60)
    if tried.returncode:
        pytest.skip(f"no user namespaces here: {tried.stderr.strip()}")
    return command


def emulated(source: str, path: Path) -> object:
    return run_child(_EMULATED + source, str(path), prefix=_single_id_namespace())


def test_owners_that_do_not_exist_can_be_given(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    source = """
os.chown(path, 7, 7); os.lchown(path, 8, 8); os.fchown(os.open(path, 0), 9, 9)
print(os.stat(path).st_uid)
"""
    assert emulated(source, file) == 0


def test_giving_up_root_succeeds_and_the_caller_stays_root(tmp_path: Path) -> None:
    source = """
os.setgroups([5, 6]); os.setgid(7); os.setresgid(7, 7, 7); os.setregid(7, 7)
os.setuid(7); os.setreuid(7, 7); os.setresuid(7, 7, 7)
print(json.dumps([os.getresuid(), os.getresgid()]))
"""
    assert emulated(source, tmp_path) == [[0, 0, 0], [0, 0, 0]]


def test_becoming_root_is_left_to_the_kernel(tmp_path: Path) -> None:
    source = "os.setuid(0); os.setresuid(0, -1, 0); os.setregid(-1, -1); print(os.getuid())"
    assert emulated(source, tmp_path) == 0


def test_a_device_node_is_made_in_name_only_and_a_fifo_for_real(tmp_path: Path) -> None:
    source = """
import stat
os.mknod(path + "/device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
os.mknod(path + "/block", stat.S_IFBLK | 0o600, os.makedev(7, 0))
os.mknod(path + "/fifo", stat.S_IFIFO | 0o600)
os.mknod(path + "/file", stat.S_IFREG | 0o600)
print(json.dumps(sorted(os.listdir(path))))
"""
    assert emulated(source, tmp_path) == ["fifo", "file"]


def test_without_the_filter_the_same_calls_fail(tmp_path: Path) -> None:
    source = """
import json, os, sys
failed = 0
for call in (lambda: os.chown(sys.argv[1], 7, 7), lambda: os.setuid(7), lambda: os.setgroups([5])):
    try:
        call()
    except OSError:
        failed += 1
print(failed)
"""
    assert run_child(source, str(tmp_path), prefix=_single_id_namespace()) == 3


def test_all_else_is_left_alone(tmp_path: Path) -> None:
    source = """
import subprocess
os.mkdir(path + "/a"); os.chmod(path + "/a", 0o700)
print(json.dumps(subprocess.run(["sh", "-c", "exit 3"]).returncode))
"""
    assert emulated(source, tmp_path) == 3


def test_the_launcher_refuses_namespaces_to_all_that_it_starts() -> None:
    source = """
import ctypes, errno, json
libc = ctypes.CDLL(None, use_errno=True)
def code(name, *arguments):
    return 0 if getattr(libc, name)(*arguments) >= 0 else ctypes.get_errno()
answers = [code("unshare", 0x10000000), code("unshare", 0x20000), code("setns", 0, 0)]
answers.append(code("mount", b"x", b"/mnt", b"tmpfs", 0, None))
from pytest_runloop.local.engine.seccomp import architecture
answers.append(code("syscall", architecture().calls["clone"], 0x10000000 | 17, None, None, None, None))
print(json.dumps([errno.errorcode.get(answer, "worked") for answer in answers]))
"""
    prefix = (sys.executable, "-m", "tests.support.no_namespaces")
    assert run_child(source, prefix=prefix) == ["EPERM"] * 5


def test_the_launcher_lets_ordinary_programs_work() -> None:
    source = """
import json, subprocess, threading
thread = threading.Thread(target=subprocess.run, args=(["true"],))
thread.start(); thread.join()
print(json.dumps(subprocess.run(["sh", "-c", "exit 5"]).returncode))
"""
    assert run_child(source, prefix=(sys.executable, "-m", "tests.support.no_namespaces")) == 5


def test_the_launcher_says_when_there_is_no_such_command() -> None:
    command = [sys.executable, "-m", "tests.support.no_namespaces", "no-such-command"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.strip() == "no-such-command: No such file or directory"
