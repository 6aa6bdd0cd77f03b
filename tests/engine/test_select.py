"""The choice of a tier, on this machine and on machines that permit less."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pytest_runloop.local.engine import landlock, remedies, select
from pytest_runloop.local.engine.confined_tiers import LandlockTier, ProcessTier
from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.meanings import meaning
from pytest_runloop.local.engine.probe import probe
from pytest_runloop.local.engine.protocol import Capability, EngineError
from pytest_runloop.local.engine.select import open_engine
from tests.support.children import run_child

needs_landlock = pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")

_NO_NAMESPACES = (sys.executable, "-m", "tests.support.no_namespaces")

_OPEN = """
import asyncio, errno, json, os, sys
from pathlib import Path
from pytest_runloop.local.engine import seccomp
from pytest_runloop.local.engine.protocol import BoxSpec, EngineError
from pytest_runloop.local.engine.select import open_engine

async def answer(isolation, state_dir):
    try:
        engine = await open_engine(isolation, Path(state_dir))
    except EngineError as error:
        return {"what": error.what, "remedy": error.remedy}
    passed_over = [[report.tier, report.reason, report.remedy] for report in engine.passed_over]
    await (await engine.boot(BoxSpec("box"))).destroy()
    await engine.close()
    lost = engine.tier_of_boxes.capabilities - engine.capabilities
    # Limits depend on the machine's control groups; that they are lost is told where one is asked for.
    lost = [capability for capability in lost if not capability.value.startswith("limited-")]
    assert bool(lost) == ("/proc" in str(engine.notes))
    return {"tier": engine.tier, "passed_over": passed_over, "notes": engine.notes}
"""
_ASK = "print(json.dumps(asyncio.run(answer(*sys.argv[1:3]))))"
_NO_LANDLOCK = """
seccomp.architecture().calls["landlock_create_ruleset"] = 444
refuse = seccomp.on_calls(["landlock_create_ruleset"], [seccomp.fail_with(errno.EOPNOTSUPP)])
seccomp.install([*refuse, seccomp.give(seccomp.ALLOW)])
"""


def ask(isolation: str, state_dir: Path, before: str = "", prefix: tuple[str, ...] = ()) -> Any:
    return run_child(_OPEN + before + _ASK, isolation, str(state_dir), prefix=prefix)


def leftovers(state_dir: Path) -> list[str]:
    return [path.name for path in (state_dir / "sessions").iterdir() if path.name != "lock"]


def boxes(state_dir: Path) -> list[Path]:
    return list(state_dir.glob("sessions/*/boxes/*"))


def probes(state_dir: Path) -> list[Path]:
    return list(state_dir.glob("probe*"))


# Machines that permit less


@needs_landlock
def test_without_namespaces_the_best_tier_is_landlock_and_it_says_why(tmp_path: Path) -> None:
    given = ask("auto", tmp_path, prefix=_NO_NAMESPACES)
    assert given["tier"] == "landlock"
    [[tier, reason, remedy], [other, why, advice]] = given["passed_over"]
    assert [tier, other] == ["namespace", "container"]
    assert reason == "could not start a process in new namespaces: Operation not permitted (EPERM)"
    assert remedy == "start the container with `--security-opt seccomp=unconfined`"
    assert "docker" in why
    assert advice
    assert leftovers(tmp_path) == []


def test_a_named_tier_that_cannot_be_had_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    given = ask("namespace", tmp_path, prefix=_NO_NAMESPACES)
    assert given["what"].startswith("the namespace tier cannot be had here: could not start a process in new")
    assert "EPERM" in given["what"]
    assert "seccomp=unconfined" in given["remedy"]
    assert leftovers(tmp_path) == []


def test_without_landlock_the_tier_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    given = ask("landlock", tmp_path, before=_NO_LANDLOCK)
    assert given["what"] == (
        "the landlock tier cannot be had here: the kernel has no Landlock, or it is switched off"
    )
    assert "5.13" in given["remedy"]


def test_where_nothing_isolates_plain_processes_have_to_be_asked_for(tmp_path: Path) -> None:
    given = ask("auto", tmp_path, before=_NO_LANDLOCK, prefix=_NO_NAMESPACES)
    assert given["what"].startswith("nothing here can isolate a devbox: namespace: ")
    assert "landlock: the kernel has no Landlock" in given["what"]
    assert given["remedy"].endswith("or ask for plain processes, without isolation: process")
    given = ask("process", tmp_path, before=_NO_LANDLOCK, prefix=_NO_NAMESPACES)
    assert given == {"tier": "process", "passed_over": [], "notes": []}


# This machine


@pytest.mark.asyncio
async def test_an_unknown_tier_is_an_error_that_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"'docker'.*auto, namespace, container, landlock, process"):
        await open_engine("docker", tmp_path)


@pytest.mark.asyncio
async def test_a_state_directory_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match="RUNLOOP_STATE_DIR"):
        await open_engine("process", tmp_path / "file" / "state")


@pytest.mark.parametrize("isolation", [pytest.param("landlock", marks=needs_landlock), "process"])
@pytest.mark.asyncio
async def test_a_probe_leaves_nothing_but_the_engine(isolation: str, tmp_path: Path) -> None:
    engine = await open_engine(isolation, tmp_path)
    assert engine.tier == isolation
    assert boxes(tmp_path) == probes(tmp_path) == []
    await engine.close()
    assert leftovers(tmp_path) == []


class _Liar(ProcessTier):
    """Promises what it does not keep."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.CONFINED_WRITES})


class _LyingAboutRoot(LandlockTier):
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.ROOT_USER})


@pytest.mark.parametrize(
    ("tier", "step"),
    [
        (_Liar, "could not be refused outside in a devbox: written"),
        pytest.param(
            _LyingAboutRoot, "could not create a file in /usr in a devbox: .*denied", marks=needs_landlock
        ),
    ],
)
@pytest.mark.asyncio
async def test_a_tier_that_does_not_keep_its_promise_is_found_out(
    tier: Callable[[], ProcessTier], step: str, tmp_path: Path
) -> None:
    engine = await SandboxEngine.open(tier(), tmp_path)
    try:
        with pytest.raises(EngineError, match=step):
            await probe(engine, tmp_path)
        assert probes(tmp_path) == []
    finally:
        await engine.close()


def test_a_file_system_that_cannot_hold_devboxes_is_replaced_by_memory(tmp_path: Path) -> None:
    for name in ("lower", "upper", "state"):
        (tmp_path / name).mkdir()
    # In a mount namespace of its own: the state directory on an overlay, and an empty /dev/shm.
    before = """
import subprocess
root = str(Path(sys.argv[2]).parent)
def mount(*arguments): subprocess.run(["mount", *arguments], check=True)
mount("-t", "tmpfs", "none", "/dev/shm")
mount("-t", "tmpfs", "none", f"{root}/upper")
os.mkdir(f"{root}/upper/up"); os.mkdir(f"{root}/upper/work")
mount("-t", "overlay", "none", "-o",
    f"userxattr,lowerdir={root}/lower,upperdir={root}/upper/up,workdir={root}/upper/work", f"{root}/state")
"""
    prefix = (
        ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--mount")
    )
    try:
        given = ask("namespace", tmp_path / "state", before=before, prefix=prefix)
    except (AssertionError, OSError) as error:
        pytest.skip(f"no mounts for ordinary users here: {error}")
    if "what" in given:
        pytest.skip(given["what"])
    [note] = given["notes"]
    assert note.startswith(
        "devboxes and snapshots lie in /dev/shm/pytest-runloop-0, in memory: could not overlay /"
    )


def _as_sole_root(state_dir: Path, before: str, *more: str) -> Any:
    """Open the namespace tier as root of a user namespace with one id, which may not change its groups."""
    try:
        given = ask("namespace", state_dir, before, prefix=("unshare", "--user", "--map-root-user", *more))
    except (AssertionError, OSError) as error:
        pytest.skip(f"no user namespaces here: {error}")
    if "what" in given and "start a process in new namespaces" in given["what"]:
        pytest.skip(given["what"])
    return given


def test_a_root_of_one_id_that_may_not_change_its_groups_will_do(tmp_path: Path) -> None:
    assert _as_sole_root(tmp_path, "") == {"tier": "namespace", "passed_over": [], "notes": []}


def test_where_proc_is_masked_the_tier_does_not_claim_processes_of_its_own(tmp_path: Path) -> None:
    before = """
import subprocess
place = next(path for path in map(Path, ("/proc/bus", "/proc/fs", "/proc/tty")) if path.is_dir())
subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
"""
    [note] = _as_sole_root(tmp_path, before, "--mount")["notes"]
    assert note.startswith("devboxes see this machine's processes in /proc, which is masked here: start the")


def test_only_a_directory_of_ours_alone_is_used_in_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(select, "_SHARED_MEMORY", tmp_path)
    place = tmp_path / f"pytest-runloop-{os.geteuid()}"
    assert select._place_in_memory() == place
    assert place.stat().st_mode & 0o777 == 0o700
    assert select._place_in_memory() == place
    place.chmod(0o755)
    with pytest.raises(OSError, match="ours alone"):
        select._place_in_memory()
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="ours alone"):
        select._place_in_memory()


# Advice

_MAKING = "start a process in new namespaces"


def machine(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("step", "number", "files", "advice"),
    [
        (_MAKING, errno.ENOSPC, {}, "user.max_user_namespaces"),
        (_MAKING, errno.EUSERS, {}, "user.max_user_namespaces"),
        (_MAKING, errno.EPERM, {"proc__sys__user__max_user_namespaces": "0\n"}, "user.max_user_namespaces"),
        (
            _MAKING,
            errno.EPERM,
            {"proc__sys__kernel__unprivileged_userns_clone": "0\n"},
            "unprivileged_userns_clone=1",
        ),
        (_MAKING, errno.EPERM, {".dockerenv": ""}, "seccomp=unconfined`"),
        (_MAKING, errno.EPERM, {"run__.containerenv": ""}, "seccomp=unconfined`"),
        (_MAKING, errno.EPERM, {"proc__self__status": "Seccomp:\t2\n"}, "seccomp=unconfined`"),
        (_MAKING, errno.EPERM, {"var__run__secrets__kubernetes.io__token": ""}, "seccompProfile"),
        (_MAKING, errno.EPERM, {"proc__self__status": "Seccomp:\t0\n"}, "ask who runs this machine"),
        (_MAKING, errno.EINVAL, {}, "Linux 5.11"),
        (_MAKING, errno.ENOSYS, {}, "Linux 5.11"),
        (
            "write uid_map",
            errno.EPERM,
            {"proc__sys__kernel__apparmor_restrict_unprivileged_userns": "1\n"},
            "=0`",
        ),
        ("make the mounts private", errno.EACCES, {".dockerenv": ""}, "apparmor=unconfined`"),
        ("write uid_map", errno.EPERM, {}, "ask who runs this machine"),
        ("overlay /usr", errno.EINVAL, {}, "RUNLOOP_STATE_DIR"),
    ],
)
def test_the_advice_fits_the_machine(
    step: str, number: int, files: dict[str, str], advice: str, tmp_path: Path
) -> None:
    assert advice in remedies.for_namespaces(step, number, machine(tmp_path, **files))


def test_advice_is_one_line() -> None:
    for number in (errno.EPERM, errno.EINVAL, errno.ENOSPC):
        for step in (_MAKING, "overlay /usr", "write uid_map"):
            assert "\n" not in remedies.for_namespaces(step, number)


def test_every_capability_has_a_meaning_and_a_remedy_of_one_line() -> None:
    for capability in Capability:
        assert meaning(capability).endswith("."), capability
        assert meaning(capability) != f"{capability}."
        assert remedies.for_capability(capability)
        assert "\n" not in meaning(capability) + remedies.for_capability(capability)
