"""Connections of which each carries one request at a time, as in HTTP/1.1.

A pool of httpx looks at all its connections several times for each request: with a hundred in use, a call
takes three times as much of the processor as with one. Here each connection has a pool of its own, and the
one that was used last is taken first.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Self

import anyio
import httpx


class AsyncConnections(httpx.AsyncBaseTransport):
    """A number of connections to one host.

    :param connect: opens one.
    :param limit: how many there may be; what exceeds it waits for its turn.
    :param idle: seconds after which an unused connection is closed, when there are others.
    """

    def __init__(self, connect: Callable[[], httpx.AsyncHTTPTransport], limit: int, idle: float) -> None:
        self._connect = connect
        self._idle_seconds = idle
        self._turns = anyio.Semaphore(limit, fast_acquire=True)
        self._idle: deque[tuple[float, httpx.AsyncHTTPTransport]] = deque()

    async def __aenter__(self) -> Self:
        """Connections open when they are needed."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        """Close those that are not in use."""
        await self.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its connection is free again when the response is closed.

        :raises httpx.TransportError: if there is no answer, or no connection becomes free in time.
        """
        await self._turn(request)
        connection = self._idle.pop()[1] if self._idle else self._connect()
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            self._free(connection)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Borrowed(response.stream, partial(self._returned, connection))
        return response

    async def _turn(self, request: httpx.Request) -> None:
        try:
            self._turns.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(request.extensions.get("timeout", {}).get("pool")):
                await self._turns.acquire()
                return
            raise httpx.PoolTimeout("no connection became free", request=request) from None

    def _free(self, connection: httpx.AsyncHTTPTransport) -> None:
        self._idle.append((time.monotonic(), connection))
        self._turns.release()

    async def _returned(self, connection: httpx.AsyncHTTPTransport) -> None:
        self._free(connection)
        since, oldest = self._idle[0]
        if since < time.monotonic() - self._idle_seconds:
            self._idle.popleft()
            with anyio.CancelScope(shield=True):
                await oldest.aclose()

    async def aclose(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            await self._idle.pop()[1].aclose()


class _Borrowed(httpx.AsyncByteStream):
    """The body of a response, after whose end its connection is given back."""

    def __init__(self, stream: httpx.AsyncByteStream, give_back: Callable[[], Awaitable[None]]) -> None:
        self._stream = stream
        self._give_back = give_back

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            await self._give_back()
