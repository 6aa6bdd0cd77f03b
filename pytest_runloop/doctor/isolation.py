"""Which tiers can be had here, found out by booting a devbox in each, and what their devboxes lack."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..local.engine import remedies, select
from ..local.engine.engine import SandboxEngine
from ..local.engine.meanings import meaning
from ..local.engine.protocol import Capability, EngineError
from .report import CapabilityFinding, Isolation, TierFinding

_SECONDS = 120.0


def examine_isolation(asked: str, state_dir: Path | None) -> Isolation:
    """Try every tier, and tell what a run that asks for one of them, or for `auto`, would get.

    :param state_dir: where devboxes will lie; `None` if nothing can lie there: then another place is tried.
    """
    with _place(state_dir) as place:
        found = [_try(name, place) for name in select.tiers()]
    used = next((tier for tier in found if tier.works and _suits(tier, asked)), None)
    if used is None:
        return Isolation(asked, tiers=found)
    given = [CapabilityFinding(each, meaning(each)) for each in Capability if each in used.capabilities]
    missing = [
        CapabilityFinding(each, meaning(each), _remedy(each, found))
        for each in Capability
        if each not in used.capabilities
    ]
    return Isolation(asked, used.tier, given, missing, found)


@contextlib.contextmanager
def _place(state_dir: Path | None) -> Iterator[Path]:
    if state_dir is not None:
        yield state_dir
        return
    with tempfile.TemporaryDirectory(prefix="pytest-runloop-", ignore_cleanup_errors=True) as place:
        yield Path(place)


def _suits(tier: TierFinding, asked: str) -> bool:
    return tier.automatic if asked == "auto" else tier.tier == asked


def _try(name: str, place: Path) -> TierFinding:
    automatic = select.is_automatic(name)
    try:
        return asyncio.run(_opened(name, place, automatic))
    except TimeoutError:
        reason = f"no devbox had booted after {_SECONDS:.0f} s"
    except (EngineError, OSError) as error:
        reason = str(error)
    return TierFinding(name, False, automatic, reason=reason)


async def _opened(name: str, place: Path, automatic: bool) -> TierFinding:
    async with asyncio.timeout(_SECONDS):
        engine = await select.try_tier(name, place)
        if not isinstance(engine, SandboxEngine):
            return TierFinding(name, False, automatic, reason=engine.reason, remedy=engine.remedy)
        await engine.close()
    return TierFinding(name, True, automatic, sorted(engine.capabilities), notes=engine.notes)


def _remedy(capability: Capability, found: Sequence[TierFinding]) -> str:
    """Return the way to the best tier that gives a capability: to ask for it, or to make it work."""
    declared = select.tiers()
    for tier in found:
        if tier.works and capability in tier.capabilities:
            return f"use `--runloop-isolation={tier.tier}`"
    if remedy := remedies.for_limits(capability):  # No tier is to blame for the machine.
        return remedy
    for tier in found:
        if not tier.works and tier.remedy and capability in declared[tier.tier].capabilities:
            return tier.remedy
    return remedies.for_capability(capability)
