"""Clients of both kinds, in front of an API that records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from pytest_runloop import AsyncRunloop, Runloop

from .blocking import Blocking
from .fake_api import FakeApi

KINDS = ("sync", "asyncio", "trio")
KEY = "ak_secret_of_the_tests"

MakeClient = Callable[..., Any]


@pytest.fixture
def api() -> FakeApi:
    """The API that the clients of a test talk to."""
    return FakeApi()


@pytest.fixture(params=KINDS)
def make_client(request: pytest.FixtureRequest) -> Iterator[MakeClient]:
    """Make a client: the sync one, and the async one under both event loops, driven by sync code."""
    with ExitStack() as ending:
        if request.param == "sync":

            def make(base_url: str, **options: Any) -> Any:
                return ending.enter_context(Runloop(base_url, KEY, **options))

        else:
            portal = ending.enter_context(start_blocking_portal(request.param))

            def make(base_url: str, **options: Any) -> Any:
                return ending.enter_context(Blocking(AsyncRunloop(base_url, KEY, **options), portal))

        yield make


@pytest.fixture
def runloop(make_client: MakeClient, api: FakeApi) -> Any:
    """A client of each kind, in front of `api`."""
    return make_client("http://api.test", transport=httpx.MockTransport(api))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the clients pause for no time; what they would have waited is recorded."""
    recorded: list[float] = []

    async def async_sleep(seconds: float) -> None:
        recorded.append(seconds)
        await anyio.lowlevel.checkpoint()

    waits = ("transport", "waiting", "resuming", "snapshot", "blueprint", "scenario_run", "benchmark_job")
    for module in waits:
        monkeypatch.setattr(f"pytest_runloop.client._sync.{module}.sleep", recorded.append)
        monkeypatch.setattr(f"pytest_runloop.client._async.{module}.async_sleep", async_sleep)
    return recorded


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting of the machine's reach the clients."""
    for name in ("RUNLOOP_API_KEY", "RUNLOOP_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
