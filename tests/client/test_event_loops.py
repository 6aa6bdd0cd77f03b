"""One async client serves many event loops, one sync client many threads, and nothing is left open."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
import trio

from pytest_runloop import AsyncRunloop, Runloop
from pytest_runloop.client.connections import AsyncConnections
from pytest_runloop.client.pools import AsyncPools, Pools
from pytest_runloop.client.secret import Secret
from pytest_runloop.client.settings import Settings
from pytest_runloop.contract.endpoint import Lane

from .conftest import KEY
from .fake_api import DEVBOX, EXECUTION, FakeApi, events
from .loopback import Exchange, serving

Run = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


def asyncio_run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run in a new loop of asyncio's."""
    return asyncio.run(main())


RUNS: list[Run] = [asyncio_run, trio.run]


def healthy(exchange: Exchange) -> None:
    """Answer as a service where all goes well."""
    if "stream_" in exchange.target:
        exchange.begin()
        exchange.chunk(b'data: {"output": "x"}\n\n')
        exchange.chunk(b"")
    else:
        exchange.answer(json.dumps({**DEVBOX, **EXECUTION, "status": "completed"}).encode())


@pytest.mark.filterwarnings("error")
def test_one_client_serves_loop_after_loop_and_each_ends_without_open_connections() -> None:
    open_before = _sockets()
    with serving(healthy) as url:
        client = AsyncRunloop(url, KEY)
        devbox = client.devbox.from_id("dbx_1")

        async def main() -> None:
            pieces: list[str] = []
            result = await devbox.cmd.exec("x", output=pieces.append)
            assert result.exit_code == 0
            assert pieces == ["x", "x"]

        for run in RUNS * 4:
            run(main)
    gc.collect()  # A connection that was forgotten would warn here, and the warning is an error.
    assert _until(lambda: _sockets() <= open_before)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.filterwarnings("error")
def test_a_client_that_is_closed_can_be_used_again(run: Run) -> None:
    with serving(healthy) as url:

        async def main() -> None:
            client = AsyncRunloop(url, KEY)
            for _ in range(2):
                async with client:
                    await client.devbox.from_id("dbx_1").get_info()

        run(main)
    gc.collect()


async def never_done(piece: str) -> None:
    """Keep the command's output waiting, as a callback may."""
    await anyio.sleep_forever()


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("where", [None, never_done], ids=["waiting for output", "in a callback"])
@pytest.mark.filterwarnings("error")
def test_a_cancelled_command_leaves_nothing_running(
    run: Run, where: Callable[[str], Coroutine[Any, Any, None]] | None
) -> None:
    def handle(exchange: Exchange) -> None:
        if "execute_async" in exchange.target:
            exchange.answer(json.dumps({**EXECUTION, "status": "running"}).encode())
        elif "stream_" in exchange.target:
            exchange.begin()
            exchange.chunk(b'data: {"output": "x"}\n\n')
            exchange.connection.recv(1)
        else:
            exchange.connection.recv(1)

    with serving(handle) as url:

        async def main() -> None:
            begun = anyio.Event()
            devbox = AsyncRunloop(url, KEY).devbox.from_id("dbx_1")

            async def output(piece: str) -> None:
                begun.set()
                if where is not None:
                    await where(piece)

            async def command() -> None:
                await devbox.cmd.exec("sleep", output=output)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(command)
                await begun.wait()
                tasks.cancel_scope.cancel()

        run(main)
    gc.collect()


@pytest.mark.parametrize("run", RUNS)
def test_callbacks_may_be_coroutine_functions(run: Run) -> None:
    api = FakeApi()
    api.on(".*stream_stdout_updates", events({"output": "a"}, {"output": "b"}))

    async def main() -> list[str]:
        pieces: list[str] = []

        async def callback(piece: str) -> None:
            await anyio.lowlevel.checkpoint()
            pieces.append(piece)

        client = AsyncRunloop("http://api.test", KEY, transport=httpx.MockTransport(api))
        await client.devbox.from_id("dbx_1").cmd.exec("x", stdout=callback)
        return pieces

    assert run(main) == ["a", "b"]


@pytest.mark.parametrize("run", RUNS)
def test_lists_are_awaited_whole_or_walked(run: Run) -> None:
    async def main() -> None:
        client = AsyncRunloop("http://api.test", KEY, transport=httpx.MockTransport(FakeApi()))
        assert [devbox.id for devbox in await client.devbox.list()] == ["dbx_1"]
        assert [devbox.id async for devbox in client.devbox.list()] == ["dbx_1"]

    run(main)


def test_threads_share_a_client_and_its_long_polls_do_not_block_its_calls() -> None:
    waiting = threading.Barrier(21)
    over = threading.Event()

    def handle(exchange: Exchange) -> None:
        if "wait_for_status" in exchange.target:
            waiting.wait(60)
            over.wait(60)
        exchange.answer(json.dumps({**DEVBOX, "status": "running"}).encode())

    with serving(handle) as url, Runloop(url, KEY) as client, ThreadPoolExecutor(30) as threads:
        devbox = client.devbox.from_id("dbx_1")
        waits = [threads.submit(devbox.await_running) for _ in range(20)]
        waiting.wait(60)
        calls = [threads.submit(devbox.get_info) for _ in range(200)]
        assert {call.result(60).id for call in calls} == {"dbx_1"}
        assert not any(wait.done() for wait in waits)
        over.set()
        assert {wait.result(60).status for wait in waits} == {"running"}


def test_a_client_that_nobody_closed_closes_when_it_is_forgotten() -> None:
    with serving(healthy) as url:
        client = Runloop(url, KEY)
        client.devbox.from_id("dbx_1").get_info()
        open_before = _sockets()
        del client
        gc.collect()
        assert _until(lambda: _sockets() < open_before)


def test_a_forked_process_does_not_write_to_its_parents_connections() -> None:
    pools = Pools(Settings("http://api.test", "a test", Secret(KEY)))
    before = pools.lane(Lane.API)
    assert pools.lane(Lane.API) is before
    pools._process += 1  # As a child finds it.
    assert pools.lane(Lane.API) is not before


def test_each_lane_has_connections_of_its_own() -> None:
    pools = Pools(Settings("http://api.test", "a test", Secret(KEY)))
    assert len({id(pools.lane(lane)) for lane in Lane}) == 3
    pools.close()


@pytest.mark.parametrize(("url", "http2"), [("https://api.test", True), ("http://api.test", False)])
def test_http_2_is_spoken_where_the_connection_is_encrypted(url: str, http2: bool) -> None:
    transport = Pools(Settings(url, "a test", Secret(KEY))).lane(Lane.API)
    assert transport._pool._http2 is http2  # type: ignore[attr-defined]

    async def main() -> None:
        transport = await AsyncPools(Settings(url, "a test", Secret(KEY))).lane(Lane.API)
        # With HTTP/2 many requests share a connection; else each has its own.
        assert isinstance(transport, AsyncConnections) is not http2

    anyio.run(main)


@pytest.mark.parametrize(
    ("environment", "proxied"),
    [
        ({"http_proxy": "proxy.test:3128"}, True),
        ({"all_proxy": "http://proxy.test:3128"}, True),
        ({"http_proxy": "http://proxy.test:3128", "no_proxy": "api.test"}, False),
        ({}, False),
    ],
)
def test_the_environments_proxy_is_used(
    environment: dict[str, str], proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    transport = Pools(Settings("http://api.test", "a test", Secret(KEY))).lane(Lane.API)
    assert ("Proxy" in type(transport._pool).__name__) is proxied  # type: ignore[attr-defined]


def _sockets() -> int:
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += str(entry.readlink()).startswith("socket:")
    return count


def _until(condition: Callable[[], bool]) -> bool:
    """Wait until a condition holds: the server's threads close their ends when they see ours closed."""
    passed = threading.Event()
    for _ in range(600):
        if condition():
            return True
        passed.wait(0.05)
    return False
