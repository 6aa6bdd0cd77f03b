"""Tiers, where this machine has them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.protocol import EngineError
from pytest_runloop.local.engine.select import open_engine


async def opened(tier: str, state_dir: Path) -> SandboxEngine:
    """Open an engine of a tier, or skip the test with the reason why it cannot be had here."""
    try:
        return await open_engine(tier, state_dir)
    except EngineError as error:
        pytest.skip(str(error))


def need(tier: str, state_dir: Path) -> None:
    """Skip the test unless a tier can be had here. What all boxes of it stand on is made then."""

    async def open_and_close() -> None:
        await (await opened(tier, state_dir)).close()

    asyncio.run(open_and_close())
