"""Chooses the tier: the best that works here, or the one that was named.

Each candidate boots a devbox in the place where devboxes will lie, and tries in it what it promises
(`probe.py`). The engine that passed is the one that is used.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from pytest_runloop.local.engine import remedies
from pytest_runloop.local.engine.confined_tiers import LandlockTier, ProcessTier
from pytest_runloop.local.engine.container_tier import ContainerTier, SharedNetworkContainerTier
from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.launcher import BootError
from pytest_runloop.local.engine.namespace_tier import NamespaceTier, SharedNetworkTier
from pytest_runloop.local.engine.probe import probe
from pytest_runloop.local.engine.protocol import EngineError
from pytest_runloop.local.engine.tiers import Tier, TierReport

_TIERS: dict[str, type[Tier]] = {
    tier.name: tier for tier in (NamespaceTier, ContainerTier, LandlockTier, ProcessTier)
}
_SHARED_NETWORK: dict[str, type[Tier]] = {
    NamespaceTier.name: SharedNetworkTier,
    ContainerTier.name: SharedNetworkContainerTier,
}
_AUTOMATIC = (NamespaceTier.name, ContainerTier.name, LandlockTier.name)
"""Best first. Plain processes isolate nothing, so they have to be asked for."""

_SHARED_MEMORY = Path("/dev/shm")


async def open_engine(isolation: str, state_dir: Path) -> SandboxEngine:
    """Open an engine of the tier that was named, or of the best one that works here.

    `passed_over` of the engine tells which better tiers were tried and why they cannot be had; `notes` what
    else people should know.

    :param isolation: `auto`, `namespace`, `container`, `landlock` or `process`.
    :param state_dir: outlives the engine; it is made if it is missing.
    :raises EngineError: if the tier, or any, cannot be had here; with the reason and the remedy.
    """
    if isolation == "auto":
        return await _open_best(state_dir)
    if isolation not in _TIERS:
        raise EngineError(f"there is no isolation {isolation!r}", f"name one of: auto, {', '.join(_TIERS)}")
    opened = await try_tier(isolation, state_dir)
    if isinstance(opened, TierReport):
        raise EngineError(f"the {isolation} tier cannot be had here: {opened.reason}", opened.remedy)
    return opened


def tiers() -> dict[str, type[Tier]]:
    """Return every tier by its name, best first."""
    return dict(_TIERS)


def is_automatic(name: str) -> bool:
    """Tell whether `auto` may choose a tier."""
    return name in _AUTOMATIC


async def _open_best(state_dir: Path) -> SandboxEngine:
    passed_over: list[TierReport] = []
    for name in _AUTOMATIC:
        opened = await try_tier(name, state_dir)
        if isinstance(opened, SandboxEngine):
            opened.passed_over = passed_over
            return opened
        passed_over.append(opened)
    reasons = "; ".join(f"{report.tier}: {report.reason}" for report in passed_over)
    remedy = f"{passed_over[0].remedy}; or ask for plain processes, without isolation: {ProcessTier.name}"
    raise EngineError(f"nothing here can isolate a devbox: {reasons}", remedy)


async def try_tier(name: str, state_dir: Path) -> SandboxEngine | TierReport:
    """Return an engine of a tier that works, or why there is none.

    Where the file system is at fault, the machine's memory is tried instead.

    :param name: one of `tiers`.
    :param state_dir: as for `open_engine`.
    """
    try:
        return await _open_whole(name, state_dir)
    except EngineError as error:
        report = TierReport(name, _reason(error), _remedy(name, error))
        if not _file_system_refuses(error):
            return report
    try:
        memory = _place_in_memory()
        engine = await _open_whole(name, memory)
    except (EngineError, OSError):
        return report
    engine.notes.append(f"devboxes and snapshots lie in {memory}, in memory: {report.reason}")
    return engine


async def _open_whole(name: str, state_dir: Path) -> SandboxEngine:
    """Open a tier with all that it can give, or, where only ports of their own are refused, without those."""
    try:
        return await _open(_TIERS[name](), state_dir)
    except EngineError as error:
        if name not in _SHARED_NETWORK:
            raise
        # A container engine that did not answer would keep us waiting once more.
        if name == ContainerTier.name and not isinstance(error, BootError):
            raise
        refused = error
    engine = await _open(_SHARED_NETWORK[name](), state_dir)
    remedy = remedies.for_networks(refused.number if isinstance(refused, BootError) else 0)
    engine.notes.append(
        "devboxes share this machine's network, so two of them cannot listen on one port:"
        f" {_reason(refused)} ({remedy})"
    )
    return engine


async def _open(tier: Tier, state_dir: Path) -> SandboxEngine:
    engine = await SandboxEngine.open(tier, state_dir)
    try:
        await probe(engine, state_dir)
    except BaseException:
        await engine.close()
        raise
    return engine


def _reason(error: EngineError) -> str:
    if isinstance(error, BootError) and error.number:
        return f"{error.what} ({errno.errorcode.get(error.number, error.number)})"
    return error.what


def _remedy(name: str, error: EngineError) -> str:
    if error.remedy or name != NamespaceTier.name or not isinstance(error, BootError):
        return error.remedy
    return remedies.for_namespaces(error.step, error.number)


def _file_system_refuses(error: EngineError) -> bool:
    """Tell whether a file system cannot hold what devboxes write: one of a container, or of a network."""
    refusals = (errno.EINVAL, errno.EOPNOTSUPP, errno.EREMOTE)
    return isinstance(error, BootError) and error.step.startswith("overlay") and error.number in refusals


def _place_in_memory() -> Path:
    """Make or find our directory in shared memory, which everybody can write to.

    :raises OSError: if it is not ours alone.
    """
    place = _SHARED_MEMORY / f"pytest-runloop-{os.geteuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise OSError(errno.EACCES, "not a directory of ours alone", str(place))
    return place
