"""Engines and boxes of the namespace tier. Tests of other tiers define fixtures of these names themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from pytest_runloop.local.engine.engine import SandboxEngine
from pytest_runloop.local.engine.namespace_tier import NamespaceTier
from pytest_runloop.local.engine.protocol import Box, BoxSpec
from tests.support.docker_daemon import NoDockerError, docker
from tests.support.outside import address_outside
from tests.support.tiers import need


@pytest.fixture(scope="session")
def namespace_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state directory that serves the namespace tier, with its base made already, or skip."""
    state_dir = tmp_path_factory.mktemp("namespaces")
    need("namespace", state_dir)
    return state_dir


@pytest_asyncio.fixture
async def engine(namespace_state: Path) -> AsyncIterator[SandboxEngine]:
    engine = await SandboxEngine.open(NamespaceTier(), namespace_state)
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def box(engine: SandboxEngine) -> Box:
    return await engine.boot(BoxSpec("box"))


@pytest.fixture
def outside() -> str:
    """Return an address of this machine that is not of its loopback, or skip."""
    return address_outside()


@pytest.fixture(scope="session")
def docker_address() -> Iterator[str]:
    """Give the address of a Docker daemon, as `DOCKER_HOST`, empty for the usual one; or skip."""
    try:
        with docker() as address:
            yield address
    except NoDockerError as error:
        pytest.skip(str(error))
