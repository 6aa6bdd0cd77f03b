"""The connections: a pool for each lane, so that slow calls never hold up quick ones.

httpx's transports are used without its client: one host, no cookies, no redirects, no authentication
flow are needed, and a call costs a third less of the processor's time.
"""

from __future__ import annotations

import os
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
from anyio.lowlevel import RunVar

from ..contract.endpoint import Lane
from .bulk import AsyncBulkTransport, BulkTransport
from .connections import AsyncConnections
from .settings import Settings

_CONNECTIONS: Final[dict[Lane, int | None]] = {
    Lane.API: 100,
    # Each waits on the service's side and costs nothing; a limit would make waits wait for one another.
    Lane.BACKGROUND: None,
    Lane.TRANSFER: 8,
}
_Lane = Lane | str
"""A lane to the API, or the origin of another host."""
# Below the 5 s after which common servers (uvicorn is one) close an idle connection: a request that
# is sent into a closing connection fails, and its repeat costs a second.
_IDLE_SECONDS: Final = 4.0


def _options(url: str, limit: int | None, tls: ssl.SSLContext) -> dict[str, Any]:
    return {
        "verify": tls,
        "http2": url.startswith("https:"),  # Agreed on by TLS only.
        "limits": httpx.Limits(
            max_connections=limit, max_keepalive_connections=limit or 100, keepalive_expiry=_IDLE_SECONDS
        ),
        "proxy": _proxy(url),
    }


def _tls(url: str) -> ssl.SSLContext:
    if url.startswith("https:"):
        return httpx.create_ssl_context()
    # Never used, yet asked for; without certificates it is made twenty times as fast.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _carries_files(lane: _Lane) -> bool:
    return isinstance(lane, str) or lane is Lane.TRANSFER


def _elsewhere(origin: str) -> dict[str, Any]:
    return _options(origin, _CONNECTIONS[Lane.TRANSFER], _tls(origin))


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names for a host, as other programs understand it."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _close(lanes: dict[_Lane, httpx.BaseTransport]) -> None:
    while lanes:
        lanes.popitem()[1].close()


class Pools:
    """Connections of a sync client, for all its threads.

    :param settings: the client's.
    :param transport: used for all lanes in place of real connections.
    """

    def __init__(self, settings: Settings, transport: httpx.BaseTransport | None = None) -> None:
        self._settings = settings
        self._given = transport
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._lanes: dict[_Lane, httpx.BaseTransport] = {}
        self._tls: ssl.SSLContext | None = None
        # A client that nobody closed closes when it is forgotten, instead of warning about its sockets.
        self._forgotten = weakref.finalize(self, _close, self._lanes)

    def lane(self, lane: Lane) -> httpx.BaseTransport:
        """Return the connections of a lane."""
        return self._of(lane)

    def elsewhere(self, origin: str) -> httpx.BaseTransport:
        """Return the connections to another host than the API's.

        :param origin: scheme, host and port.
        """
        return self._of(origin)

    def _of(self, lane: _Lane) -> httpx.BaseTransport:
        if self._given is not None:
            return self._given
        if self._process != os.getpid():
            self._begin_anew()
        return self._lanes.get(lane) or self._opened(lane)

    def _begin_anew(self) -> None:
        # After a fork: parent and child must not both write to one connection. Lock and pools may have
        # been in use in another thread, which the child does not have.
        self._lock = threading.Lock()
        self._forgotten.detach()
        self._lanes = {}
        self._forgotten = weakref.finalize(self, _close, self._lanes)
        self._process = os.getpid()

    def _opened(self, lane: _Lane) -> httpx.BaseTransport:
        with self._lock:
            if lane not in self._lanes:
                kind = BulkTransport if _carries_files(lane) else httpx.HTTPTransport
                self._lanes[lane] = kind(**self._options(lane))
            return self._lanes[lane]

    def _options(self, lane: _Lane) -> dict[str, Any]:
        if isinstance(lane, str):
            return _elsewhere(lane)
        self._tls = self._tls or _tls(self._settings.base_url)
        return _options(self._settings.base_url, _CONNECTIONS[lane], self._tls)

    def close(self) -> None:
        """Close all connections. The next call opens new ones."""
        with self._lock:
            _close(self._lanes)
        if self._given is not None:
            self._given.close()


class _LoopPools:
    """The connections of one run of an event loop."""

    def __init__(self, lanes: dict[_Lane, httpx.AsyncBaseTransport]) -> None:
        self.lanes = lanes
        self.guard: AsyncGenerator[None, None] = self._guard()

    async def _guard(self) -> AsyncGenerator[None, None]:
        # An event loop finalizes its asynchronous generators when it ends: asyncio's runners and trio
        # both do. So the connections close with their loop, whoever made the loop.
        try:
            yield
        finally:
            await self.close()

    async def close(self) -> None:
        lanes = list(self.lanes.values())
        self.lanes.clear()
        for transport in lanes:
            await transport.aclose()


class AsyncPools:
    """Connections of an async client: a set for each event loop that uses it, closed when that loop ends.

    :param settings: the client's.
    :param transport: used for all lanes in place of real connections.
    """

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._given = transport
        self._of_loop: RunVar[_LoopPools | None] = RunVar("pytest_runloop.pools", None)
        self._tls: ssl.SSLContext | None = None

    async def lane(self, lane: Lane) -> httpx.AsyncBaseTransport:
        """Return the connections of a lane in the running event loop."""
        return await self._of(lane)

    async def elsewhere(self, origin: str) -> httpx.AsyncBaseTransport:
        """Return the connections to another host than the API's, in the running event loop.

        :param origin: scheme, host and port.
        """
        return await self._of(origin)

    async def _of(self, lane: _Lane) -> httpx.AsyncBaseTransport:
        if self._given is not None:
            return self._given
        pools = self._of_loop.get() or await self._begun()
        if lane not in pools.lanes:
            pools.lanes[lane] = self._opened(lane)
        return pools.lanes[lane]

    def _opened(self, lane: _Lane) -> httpx.AsyncBaseTransport:
        options = self._options(lane)
        kind = AsyncBulkTransport if _carries_files(lane) else httpx.AsyncHTTPTransport
        limit = options["limits"].max_connections
        if options["http2"] or limit is None:
            return kind(**options)
        one = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_IDLE_SECONDS)
        return AsyncConnections(partial(kind, **{**options, "limits": one}), limit, _IDLE_SECONDS)

    def _options(self, lane: _Lane) -> dict[str, Any]:
        if isinstance(lane, str):
            return _elsewhere(lane)
        self._tls = self._tls or _tls(self._settings.base_url)
        return _options(self._settings.base_url, _CONNECTIONS[lane], self._tls)

    async def _begun(self) -> _LoopPools:
        pools = _LoopPools({})
        self._of_loop.set(pools)
        await anext(pools.guard)
        return pools

    async def aclose(self) -> None:
        """Close the connections of the running event loop. The next call opens new ones."""
        pools = self._of_loop.get()
        if pools is not None:
            self._of_loop.set(None)
            await pools.guard.aclose()
        if self._given is not None:
            await self._given.aclose()
