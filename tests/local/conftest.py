"""A server for all tests of a process, and devboxes in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from pytest_runloop.local.engine.select import open_engine

from .box import Box
from .faulty import Faulty
from .running import Inside, Server, inside, server


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the best tier that this machine permits."""
    with server(tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture(scope="session")
def api(backend: Server) -> Iterator[httpx.Client]:
    """A client of the server, with its key."""
    with backend.client() as client:
        yield client


@pytest.fixture(scope="session")
def shared(api: httpx.Client) -> Iterator[Box]:
    """A devbox for tests that leave nothing behind in it."""
    box = Box.create(api, name="shared")
    yield box
    box.end()


@pytest.fixture
def box(api: httpx.Client) -> Iterator[Box]:
    """A devbox of one's own."""
    made = Box.create(api)
    yield made
    made.end()


@pytest.fixture
def own_root(backend: Server) -> None:
    """Skip where devboxes have no root of their own."""
    if "own-root" not in backend.ready["capabilities"]:
        pytest.skip(f"the {backend.ready['isolation']} tier lacks `own-root`")


@pytest_asyncio.fixture
async def within(tmp_path: Path) -> AsyncIterator[Inside]:
    """A backend within the test, on plain processes and a clock that stands still."""
    async with inside(await open_engine("process", tmp_path), tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def faulty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose plan tests replace."""
    with server(tmp_path_factory.mktemp("faulty"), "--faults", "seed=1") as running:
        yield running


@pytest.fixture
def faulty(faulty_server: Server) -> Iterator[Faulty]:
    """The server with an empty plan."""
    with faulty_server.client() as client:
        made = Faulty(faulty_server, client)
        made.plan("")
        yield made
        made.clear_up()
