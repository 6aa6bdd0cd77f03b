"""Connections of which each carries one request at a time."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
import httpx
import pytest

from pytest_runloop.client.connections import AsyncConnections

from .loopback import Exchange, serving

BACKENDS = pytest.mark.parametrize("loop", ["asyncio", "trio"])
ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)


@asynccontextmanager
async def connections(limit: int, idle: float = 60) -> AsyncIterator[AsyncConnections]:
    made = AsyncConnections(partial(httpx.AsyncHTTPTransport, limits=ONE, trust_env=False), limit, idle)
    async with made:
        yield made


def request(url: str, pool: float | None = 30) -> httpx.Request:
    return httpx.Request("GET", url, extensions={"timeout": {"pool": pool}})


async def fetched(transport: AsyncConnections, url: str) -> bytes:
    response = await transport.handle_async_request(request(url))
    try:
        return await response.aread()
    finally:
        await response.aclose()


@BACKENDS
def test_requests_one_by_one_share_a_connection(loop: str) -> None:
    used: set[str] = set()

    def handler(exchange: Exchange) -> None:
        used.add(str(exchange.connection.getpeername()))
        exchange.answer(b"{}")

    async def main(url: str) -> None:
        async with connections(limit=5) as transport:
            for _ in range(3):
                assert await fetched(transport, url) == b"{}"

    with serving(handler) as url:
        anyio.run(main, url, backend=loop)
    assert len(used) == 1


@BACKENDS
def test_what_exceeds_the_limit_waits_for_its_turn(loop: str) -> None:
    together, most, lock = 0, 0, threading.Lock()

    def handler(exchange: Exchange) -> None:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        threading.Event().wait(0.02)
        with lock:
            together -= 1
        exchange.answer(b"{}")

    async def main(url: str) -> None:
        async with connections(limit=3) as transport, anyio.create_task_group() as group:
            for _ in range(12):
                group.start_soon(fetched, transport, url)

    with serving(handler) as url:
        anyio.run(main, url, backend=loop)
    assert most <= 3


@BACKENDS
def test_a_wait_for_a_turn_that_takes_too_long_is_an_error(loop: str) -> None:
    async def main(url: str) -> None:
        async with connections(limit=1) as transport:
            held = await transport.handle_async_request(request(url))
            with pytest.raises(httpx.PoolTimeout):
                await transport.handle_async_request(request(url, pool=0.01))
            await held.aread()
            await held.aclose()
            assert await fetched(transport, url) == b"{}"

    with serving(lambda exchange: exchange.answer(b"{}")) as url:
        anyio.run(main, url, backend=loop)


@BACKENDS
def test_a_request_that_is_cancelled_or_fails_gives_its_turn_back(loop: str) -> None:
    go = threading.Event()

    def handler(exchange: Exchange) -> None:
        if exchange.target == "/slow":
            go.wait(30)
        elif exchange.target == "/cut":
            exchange.cut()
            return
        exchange.answer(b"{}")

    async def main(url: str) -> None:
        async with connections(limit=1) as transport:
            with anyio.move_on_after(0.05):
                await fetched(transport, f"{url}/slow")
            with pytest.raises(httpx.RemoteProtocolError):
                await fetched(transport, f"{url}/cut")
            assert await fetched(transport, url) == b"{}"

    with serving(handler) as url:
        try:
            anyio.run(partial(main, url), backend=loop)
        finally:
            go.set()


@BACKENDS
def test_connections_that_were_idle_for_long_are_closed_one_after_another(loop: str) -> None:
    async def main(url: str) -> None:
        async with connections(limit=3, idle=0) as transport:
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(fetched, transport, url)
            for _ in range(3):
                await fetched(transport, url)
            assert len(transport._idle) <= 1

    with serving(lambda exchange: exchange.answer(b"{}")) as url:
        anyio.run(main, url, backend=loop)
