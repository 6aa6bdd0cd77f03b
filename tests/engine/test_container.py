"""The container tier: namespaces inside one container that lives and dies with its engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from pytest_runloop.local.engine import container_launcher, container_programs, launcher
from pytest_runloop.local.engine import engine as engines
from pytest_runloop.local.engine.container_tier import ContainerTier
from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.namespace_tier import NamespaceTier
from pytest_runloop.local.engine.protocol import Box, BoxSpec, EngineError
from pytest_runloop.local.engine.select import open_engine
from tests.engine.test_confined_death import Host, hosted
from tests.support.boxes import say, start
from tests.support.children import PROJECT, run_child
from tests.support.docker_daemon import run_docker
from tests.support.tiers import need

_PATIENCE = 30  # seconds
_KINDS: dict[str, Callable[[Host], tuple[int, ...]]] = {
    "server": lambda host: (host.process.pid,),
    "zygote": lambda host: (host.zygote,),
    "server and zygote": lambda host: (host.process.pid, host.zygote),
    "agents": lambda host: tuple(host.agents),
}


@pytest.fixture(scope="module")
def daemon(docker_address: str) -> Iterator[None]:
    """A Docker daemon that every engine of these tests finds."""
    with pytest.MonkeyPatch.context() as patch:
        if docker_address:
            patch.setenv("DOCKER_HOST", docker_address)
        yield


@pytest.fixture(scope="module")
def state(daemon: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory whose base is made already, or a skip where containers are no way to namespaces."""
    state_dir = tmp_path_factory.mktemp("containers")
    need("container", state_dir)
    return state_dir


@pytest_asyncio.fixture
async def engine(state: Path) -> AsyncIterator[SandboxEngine]:
    engine = await SandboxEngine.open(ContainerTier(), state)
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def box(engine: SandboxEngine) -> Box:
    return await engine.boot(BoxSpec("box"))


def _containers(state_dir: Path) -> list[str]:
    label = f"label=pytest-runloop.state={state_dir.resolve()}"
    return run_docker("ps", "--all", f"--filter={label}", "--format={{.Names}}").split()


def _wait_for_no_container(state_dir: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while left := _containers(state_dir):
        assert time.monotonic() < end, left
        time.sleep(0.1)


def _mounts(state_dir: Path) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            if f" {state_dir}" in place.read_text():
                found.append(place.parent.name)
        except OSError:  # It ended, or is not ours to look at.
            continue
    return found


# What its boxes are


@pytest.mark.asyncio
async def test_a_box_is_what_it_is_in_the_namespace_tier(engine: SandboxEngine, box: Box) -> None:
    assert engine.tier == "container"
    assert engine.capabilities == NamespaceTier.capabilities
    assert await say(box, "whoami; id -u; pwd; sudo whoami") == "user\n0\n/home/user\nroot"
    assert await say(box, "touch /usr/lib/new /etc/new && rm -rf /usr/share/doc && echo ok") == "ok"
    assert int(await say(box, "ls /proc | grep -cE '^[0-9]+$'")) < 8
    assert await say(box, "read -r pid _ </proc/self/stat; test $pid = $$ && echo own") == "own"
    assert await say(box, "python3 -c 'print(6 * 7)'") == "42"


@pytest.mark.asyncio
async def test_a_box_starts_from_a_snapshot(engine: SandboxEngine, box: Box) -> None:
    await say(box, "echo deep >file; touch /usr/bin/new")
    idle = await engine.boot(BoxSpec("idle", layer=await box.freeze()))
    assert await say(idle, "cat file; ls /usr/bin/new") == "deep\n/usr/bin/new"
    await start(box, "sleep 600")
    busy = await engine.boot(BoxSpec("busy", layer=await box.freeze()))
    assert await say(busy, "cat file") == "deep"


@pytest.mark.asyncio
async def test_a_box_has_the_limits_of_the_server_and_not_of_the_daemon(box: Box) -> None:
    assert int(await say(box, "ulimit -Hn")) == resource.getrlimit(resource.RLIMIT_NOFILE)[1]


# Its container's life


@pytest.mark.asyncio
async def test_there_is_one_container_and_it_ends_with_the_engine(state: Path) -> None:
    engine = await SandboxEngine.open(ContainerTier(), state)
    for number in range(3):
        await engine.boot(BoxSpec(f"b{number}"))
    (name,) = _containers(state)
    assert name.startswith(f"pytest-runloop-{engine._session.directory.name}-")
    assert run_docker("inspect", "--format={{.HostConfig.AutoRemove}}", name).strip() == "true"
    await engine.close()
    assert _containers(state) == []


@pytest.mark.asyncio
async def test_after_its_death_the_next_boot_gets_a_new_one(engine: SandboxEngine, state: Path) -> None:
    box = await engine.boot(BoxSpec("first"))
    (old,) = _containers(state)
    os.kill(engine.zygote().pid, signal.SIGKILL)
    assert "zygote" in await asyncio.wait_for(box.ended, _PATIENCE)
    assert await say(await engine.boot(BoxSpec("second")), "echo on") == "on"
    assert old not in [name for name in _containers(state) if _runs(name)]


def _runs(name: str) -> bool:
    return run_docker("inspect", "--format={{.State.Running}}", name, check=False).strip() == "true"


@pytest.mark.asyncio
async def test_a_container_that_does_not_end_by_itself_is_removed(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_launcher, "_END_TIMEOUT", 0.5)
    monkeypatch.setattr(engines, "_LAST_CLEANING", 0.5)
    monkeypatch.setattr(launcher, "_KILL_TIMEOUT", 0.5)
    engine = await SandboxEngine.open(ContainerTier(), state)
    (name,) = _containers(state)
    os.kill(engine.zygote().pid, signal.SIGSTOP)
    await engine.close()
    assert name not in _containers(state)


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("round_", range(2))
def test_a_kill_leaves_no_process_no_mount_and_no_container(state: Path, kind: str, round_: int) -> None:
    with hosted("container", state) as host:
        killed = _KINDS[kind](host)
        host.kill(*killed)
        host.wait_for_the_end(*killed, *host.agents)
        if kind != "agents":
            host.wait_for_the_end(host.zygote)
            _wait_for_no_container(state)
            assert not _mounts(state)


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3])
def test_a_server_killed_while_its_container_starts_leaves_none(state: Path, delay: float) -> None:
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "tests.support.engine_host", "container", str(state), "1", str(writing)]
    with subprocess.Popen(command, cwd=PROJECT, pass_fds=[writing], stdout=subprocess.DEVNULL) as server:
        os.close(writing)
        starter = os.pidfd_open(_wait_for_starter(server.pid))
        time.sleep(delay)
        server.kill()
    assert select.select([starter], [], [], _PATIENCE)[0], "the program that starts the container still runs"
    _wait_for_no_container(state)
    assert not _mounts(state)
    os.close(starter)
    with os.fdopen(reading, "rb") as pipe:  # Held open by whatever ran in a devbox.
        pipe.read()


def _wait_for_starter(server: int) -> int:
    end = time.monotonic() + _PATIENCE
    while True:
        for children in Path(f"/proc/{server}/task").glob("*/children"):
            for child in children.read_text().split():
                with contextlib.suppress(OSError):
                    if b"--name=pytest-runloop-" in Path(f"/proc/{child}/cmdline").read_bytes():
                        return int(child)
        assert time.monotonic() < end, "no container is being started"
        time.sleep(0.005)


# Podman


@pytest.mark.asyncio
async def test_podman_will_do_where_there_is_no_docker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    podman = shutil.which("podman")
    if podman is None:
        pytest.skip("podman is not installed")
    monkeypatch.setattr(container_programs, "NAMES", ("podman",))
    monkeypatch.setenv("CONTAINERS_CONF", str(_podman_settings(tmp_path)))
    try:
        engine = await open_engine("container", tmp_path / "state")
    except EngineError as error:
        pytest.skip(str(error))
    box = await engine.boot(BoxSpec("box"))
    assert await say(box, "id -u; pwd; touch /usr/new && echo ok") == "0\n/home/user\nok"
    session = engine._session.directory.name
    await engine.close()
    assert session not in _names_at(podman)


def _names_at(podman: str) -> str:
    command = [podman, "ps", "--all", "--format={{.Names}}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _podman_settings(place: Path) -> Path:
    """Keep root's podman from raising limits that this machine may not let it raise."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    lines = ["[containers]", f'default_ulimits = ["nofile={files}:{files}", "nproc=1024:1024"]']
    if shutil.which("runc") is not None:  # crun refuses the hybrid of both versions of control groups.
        lines += ["[engine]", 'runtime = "runc"']
    path = place / "containers.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


# Those that were left


def _leave(state_dir: Path, session: str, label: str = "") -> str:
    """Make a container as an engine that died between making and starting it leaves it."""
    name = container_programs.name_of(session)
    run_docker(
        "create", f"--name={name}", f"--label=pytest-runloop.state={label or state_dir.resolve()}",
        container_programs.IMAGE, "/none",
    )  # fmt: skip
    return name


@pytest.mark.asyncio
async def test_containers_of_dead_engines_are_removed_and_no_others(state: Path) -> None:
    living = await SandboxEngine.open(ContainerTier(), state)
    (used,) = _containers(state)
    dead = _leave(state, "0dead000")
    elsewhere = _leave(state, "0dead000", label=f"{state}/elsewhere")
    stranger = f"stranger-{os.getpid()}"
    run_docker("create", f"--name={stranger}", container_programs.IMAGE, "/none")
    try:
        other = await SandboxEngine.open(ContainerTier(), state)
        left = run_docker("ps", "--all", "--format={{.Names}}").split()
        assert dead not in left
        assert {used, elsewhere, stranger} <= set(left)
        assert await say(await living.boot(BoxSpec("box")), "echo on") == "on"
        await other.close()
    finally:
        run_docker("rm", "--force", elsewhere, stranger)
        await living.close()


# Where it is chosen

_CHOOSE = """
import asyncio, json, os, sys
from pathlib import Path
from pytest_runloop.local.engine.protocol import BoxSpec
from pytest_runloop.local.engine.select import open_engine
from tests.support.boxes import say
from tests.support.no_namespaces import refuse_namespaces

async def main():
    engine = await open_engine("auto", Path(sys.argv[1]))
    said = await say(await engine.boot(BoxSpec("box")), "id -u; pwd")
    await engine.close()
    print(json.dumps([engine.tier, [report.tier for report in engine.passed_over], said]))

refuse_namespaces()
asyncio.run(main())
"""


def test_where_namespaces_are_refused_it_comes_before_landlock(state: Path) -> None:
    assert run_child(_CHOOSE, str(state)) == ["container", ["namespace"], "0\n/home/user"]


def _program(place: Path, script: str) -> None:
    place.mkdir(exist_ok=True)
    path = place / "docker"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


_REFUSES_TO_RUN = """case $1 in
run) echo 'docker: Error response from daemon: no room.' >&2; echo "See 'docker run --help'." >&2; exit 125;;
esac"""


@pytest.mark.parametrize(
    ("script", "reason", "remedy"),
    [
        ("exec sleep 60", r"docker did not answer in 0 s", "start its daemon"),
        ("echo 'permission denied' >&2; exit 1", "docker version failed: permission denied", "its group"),
        (_REFUSES_TO_RUN, "a container of docker did not start: docker: .* no room", ""),
        ("case $1 in run) exit 0;; esac", "a container of docker did not start: nothing was heard", ""),
        (None, "there is neither docker nor podman", "install docker or podman"),
    ],
)
@pytest.mark.asyncio
async def test_what_cannot_be_had_is_an_error_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, reason: str, remedy: str
) -> None:
    monkeypatch.setattr(container_programs, "_ANSWER_TIMEOUT", 0.3 if script == "exec sleep 60" else 20.0)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sleep").symlink_to("/bin/sleep")
    if script is not None:
        _program(tmp_path / "bin", script)
    with pytest.raises(EngineError, match=reason) as caught:
        await open_engine("container", tmp_path / "state")
    assert remedy in caught.value.remedy
    assert [path.name for path in (tmp_path / "state" / "sessions").iterdir()] == ["lock"]
    assert not any((tmp_path / "state" / "trash").iterdir())


@pytest.mark.asyncio
async def test_any_state_directory_will_do(daemon: None, state: Path, tmp_path: Path) -> None:
    long = tmp_path / ("long" * 25) / 'a, "b": \\c'
    engine = await open_engine("container", long)
    try:
        assert await say(await engine.boot(BoxSpec("box")), "echo on") == "on"
    finally:
        await engine.close()
