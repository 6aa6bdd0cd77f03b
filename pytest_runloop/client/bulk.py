"""Receives large bodies past the HTTP parser.

httpcore hands a body over in pieces of 64 KiB, of which it and h11 copy each byte four times: half of what
a download from this machine costs. Where the length is known there is nothing to parse: what comes after
the first piece is read from the connection itself. httpcore does not see the end, and closes the connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpcore
import httpx

from .concurrency import async_ended, ended

_LARGE: Final = 4 << 20
"""Below that, another connection costs more than what is won."""
_PIECE: Final = 256 * 1024


class BulkTransport(httpx.HTTPTransport):
    """Connections of httpx, on which large bodies travel more quickly."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        response = super().handle_request(request)
        if (way := _way(request, response)) is not None:
            response.stream = _Bulk(response.stream, way)
        return response


class AsyncBulkTransport(httpx.AsyncHTTPTransport):
    """Connections of httpx, on which large bodies travel more quickly."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        response = await super().handle_async_request(request)
        if (way := _way(request, response)) is not None:
            response.stream = _AsyncBulk(response.stream, way)
        return response


@dataclass(frozen=True, slots=True)
class _Way:
    """How the rest of a body is read.

    :param connection: httpcore's stream, sync or async.
    :param length: of the whole body.
    :param seconds: how long a read may take.
    """

    connection: Any
    length: int
    seconds: float | None

    def piece(self, data: bytes) -> bytes:
        """Check what was read."""
        if not data:
            raise httpx.RemoteProtocolError("the connection ended before the body was complete")
        return data


def _way(request: httpx.Request, response: httpx.Response) -> _Way | None:
    """Return how a body is read past the parser, if that can be done and is worth it."""
    headers, connection = response.headers, response.extensions.get("network_stream")
    length = headers.get("content-length", "")
    if not length.isdecimal() or int(length) < _LARGE:
        return None
    plain = request.url.scheme == "http" and response.extensions.get("http_version") == b"HTTP/1.1"
    if not plain or connection is None or request.method == "HEAD" or "transfer-encoding" in headers:
        return None
    return _Way(connection, int(length), request.extensions.get("timeout", {}).get("read"))


class _Bulk(httpx.SyncByteStream):
    def __init__(self, parsed: Any, way: _Way) -> None:
        self._parsed = parsed
        self._way = way

    def __iter__(self) -> Iterator[bytes]:
        way = self._way
        with ended(iter(self._parsed)) as parsed:
            yield (piece := next(parsed))
            left = way.length - len(piece)
            while left:
                with _told_as_httpx_does():
                    piece = way.piece(way.connection.read(min(_PIECE, left), timeout=way.seconds))
                left -= len(piece)
                yield piece

    def close(self) -> None:
        self._parsed.close()


class _AsyncBulk(httpx.AsyncByteStream):
    def __init__(self, parsed: Any, way: _Way) -> None:
        self._parsed = parsed
        self._way = way

    async def __aiter__(self) -> AsyncIterator[bytes]:
        way = self._way
        async with async_ended(aiter(self._parsed)) as parsed:
            yield (piece := await anext(parsed))
            left = way.length - len(piece)
            while left:
                with _told_as_httpx_does():
                    piece = way.piece(await way.connection.read(min(_PIECE, left), timeout=way.seconds))
                left -= len(piece)
                yield piece

    async def aclose(self) -> None:
        await self._parsed.aclose()


@contextmanager
def _told_as_httpx_does() -> Iterator[None]:
    try:
        yield
    except httpcore.ReadTimeout as error:
        raise httpx.ReadTimeout(str(error)) from error
    except httpcore.ReadError as error:
        raise httpx.ReadError(str(error)) from error
