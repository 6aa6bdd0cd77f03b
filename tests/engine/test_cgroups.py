"""Control groups: where the kernel's files say that ours may be, and what is written for each limit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_runloop.local.engine import cgroups, owners
from pytest_runloop.local.engine.protocol import Limit, Limits
from tests.support.children import run_child

_ALL = Limits(memory_bytes=1 << 30, cpus=0.5, disk_bytes=1, processes=100)


class _Machine:
    """The files of a machine with control groups, made of plain files.

    :param root: an empty directory.
    :param groups: what `/proc/self/cgroup` says.
    """

    def __init__(self, root: Path, groups: str) -> None:
        self.root, self.proc = root, root / "proc"
        self.proc.mkdir()
        (self.proc / "cgroup").write_text(groups)
        (self.proc / "mountinfo").write_text("22 1 0:20 / / rw - ext4 /dev/vda rw\n")

    def mount(self, name: str, kind: str, options: str, root: str = "/") -> Path:
        directory = self.root / name
        directory.mkdir()
        with (self.proc / "mountinfo").open("a") as file:
            file.write(f"30 22 0:26 {root} {directory} rw,nosuid - {kind} cgroup rw,{options}\n")
        return directory

    def group(self, directory: Path, **files: str) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in ({"cgroup_procs": ""} | files).items():
            (directory / name.replace("_", ".", 1)).write_text(text)
        return directory


def _one_tree(root: Path, own: str = "/user.slice/app.slice/term.scope") -> tuple[_Machine, Path]:
    machine = _Machine(root, f"0::{own}\n")
    tree = machine.mount("unified", "cgroup2", "nsdelegate")
    machine.group(tree, cgroup_subtree_control="cpu memory pids")
    machine.group(tree / "user.slice", cgroup_subtree_control="memory pids")
    machine.group(tree / "user.slice/app.slice", cgroup_subtree_control="memory pids")
    machine.group(tree / "user.slice/app.slice/term.scope", cgroup_subtree_control="")
    return machine, tree


def test_in_one_tree_ours_go_below_the_nearest_group_that_hands_something_on(tmp_path: Path) -> None:
    machine, tree = _one_tree(tmp_path)
    (place,) = cgroups.places(machine.proc)
    assert place == cgroups.Place(
        tree / "user.slice/app.slice", 2, frozenset({Limit.MEMORY, Limit.PROCESSES})
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_group_that_is_not_ours_is_passed_over(tmp_path: Path) -> None:
    machine, tree = _one_tree(tmp_path)
    (tree / "user.slice/app.slice").chmod(0o555)
    (place,) = cgroups.places(machine.proc)
    assert place.directory == tree / "user.slice"


def test_nothing_is_found_where_nothing_is_handed_on(tmp_path: Path) -> None:
    machine = _Machine(tmp_path, "0::/\n")
    machine.group(machine.mount("unified", "cgroup2", "x"), cgroup_subtree_control="")
    assert cgroups.places(machine.proc) == []


def test_of_many_trees_those_that_bound_something_are_taken(tmp_path: Path) -> None:
    machine = _Machine(tmp_path, "9:name=systemd:/\n4:memory:/a/b\n3:pids:/\n2:cpu,cpuacct:/\n0::/\n")
    memory = machine.mount("memory", "cgroup", "memory")
    machine.group(memory / "a/b")
    pids = machine.group(machine.mount("pids", "cgroup", "pids"))
    cpu = machine.group(machine.mount("cpu", "cgroup", "cpu,cpuacct"), cpu_cfs_quota_us="-1")
    machine.group(machine.mount("systemd", "cgroup", "name=systemd"))
    machine.group(machine.mount("unified", "cgroup2", "x"), cgroup_subtree_control="")
    assert {place.directory: place.limits for place in cgroups.places(machine.proc)} == {
        memory / "a/b": {Limit.MEMORY},
        pids: {Limit.PROCESSES},
        cpu: {Limit.CPU},
    }


def test_a_container_sees_its_own_part_of_a_tree(tmp_path: Path) -> None:
    machine = _Machine(tmp_path, "4:memory:/docker/c1/inner\n3:pids:/elsewhere\n")
    memory = machine.mount("memory", "cgroup", "memory", root="/docker/c1")
    machine.group(memory / "inner")
    machine.mount("pids", "cgroup", "pids", root="/docker/c1")
    (place,) = cgroups.places(machine.proc)
    assert place.directory == memory / "inner"


def test_a_host_without_control_groups_has_no_place(tmp_path: Path) -> None:
    assert cgroups.places(_Machine(tmp_path, "").proc) == []
    assert cgroups.places(tmp_path / "nothing") == []


def _made(tmp_path: Path, version: int, limits: Limits) -> dict[str, str]:
    """Return what is written for limits, where the kernel would have files ready."""
    place = cgroups.Place(tmp_path, version, frozenset({Limit.MEMORY, Limit.CPU, Limit.PROCESSES}))
    above = tmp_path / f"{cgroups.PREFIX}s"
    above.mkdir()
    directory = cgroups.make(place, "s", "box", limits)
    return {} if directory is None else {file.name: file.read_text() for file in directory.iterdir()}


def test_what_version_2_is_told(tmp_path: Path) -> None:
    assert _made(tmp_path, 2, _ALL) == {
        "memory.max": "1073741824",
        "cpu.max": "50000 100000",
        "pids.max": "100",
    }


def test_what_version_1_is_told(tmp_path: Path) -> None:
    assert _made(tmp_path, 1, _ALL) == {
        "memory.limit_in_bytes": "1073741824",
        "cpu.cfs_period_us": "100000",
        "cpu.cfs_quota_us": "50000",
        "pids.max": "100",
    }


def test_without_limits_there_is_no_group(tmp_path: Path) -> None:
    assert _made(tmp_path, 2, Limits(disk_bytes=1)) == {}
    assert list(tmp_path.rglob("box")) == []


def test_what_the_parent_has_is_handed_on(tmp_path: Path) -> None:
    machine, _ = _one_tree(tmp_path)
    (place,) = cgroups.places(machine.proc)
    above = machine.group(place.directory / f"{cgroups.PREFIX}s", cgroup_controllers="memory pids io")
    cgroups.hand_on(above)
    assert (above / "cgroup.subtree_control").read_text() in ("+memory", "+pids")


def test_kills_are_counted_in_either_version(tmp_path: Path) -> None:
    group = cgroups.Group(one=tmp_path)
    assert group.memory_kills() == 0
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert group.memory_kills() == 2
    (tmp_path / "memory.oom_control").unlink()
    (tmp_path / "memory.events").write_text("low 0\noom 4\noom_kill 3\noom_group_kill 0\n")
    assert group.memory_kills() == 3


_FORK_INTO = """
import json, os, sys
from pytest_runloop.local.engine import bounds
reading, writing = os.pipe()
pid = bounds.fork(0, {"group": sys.argv[1]})
if pid == 0:
    with open("/proc/self/cgroup") as file:
        os.write(writing, file.read().encode())
    os._exit(0)
os.close(writing)
os.waitpid(pid, 0)
print(json.dumps(os.read(reading, 4096).decode()))
"""


@pytest.mark.parametrize("prefix", [(), (sys.executable, "-m", "tests.support.no_namespaces")])
def test_a_process_begins_its_life_in_a_group_of_version_2(prefix: tuple[str, ...]) -> None:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    tree = next((Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"), None)
    if tree is None or not os.access(tree, os.W_OK):
        pytest.skip("there is no tree of version 2 here that takes a group of ours")
    group = tree / f"{cgroups.PREFIX}test-{os.getpid()}"
    group.mkdir()
    try:
        assert f"0::/{group.name}\n" in run_child(_FORK_INTO, str(group), prefix=prefix)
    finally:
        group.rmdir()


def test_only_a_process_of_our_own_space_of_ids_can_be_proven_dead() -> None:
    mine = owners.this_process()
    space, pid, born = mine.split("-")
    assert not owners.is_provably_dead(mine)
    assert owners.is_provably_dead(f"{space}-{pid}-{int(born) - 1}")
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert owners.is_provably_dead(f"{space}-{child.pid}-{born}")
    child.wait()
    assert owners.is_provably_dead(f"{space}-{child.pid}-{born}")
    for unknown in (f"{int(space) + 1}-{pid}-{int(born) - 1}", "", "1", f"{mine}-1"):
        assert not owners.is_provably_dead(unknown)
