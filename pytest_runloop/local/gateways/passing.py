"""Passes a request on to another server, and its answer back, both while they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Send

from .credentials import HOP_BY_HOP, Header

if TYPE_CHECKING:
    import httpx

_CONNECT_SECONDS = 10.0
_STALL_SECONDS = 60.0
"""For the other server to take a piece of a body: meanwhile nobody sees whether the client is still there."""
_SET_ANEW = frozenset({b"host", b"expect", b"authorization"})
_BODY = frozenset({b"content-length", b"transfer-encoding"})


class Incoming:
    """What the client of a request sends, and that it has gone.

    :param receive: of the request.
    """

    def __init__(self, receive: Receive, headers: Iterable[Header]) -> None:
        self._receive = receive
        self._read = asyncio.Event()
        self.has_body = any(name in _BODY for name, _ in headers)
        if not self.has_body:
            self._read.set()

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the body.

        :raises ClientDisconnect: if the client goes before its end.
        """
        more = self.has_body
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            more = message.get("more_body", False)
            yield message.get("body", b"")
        self._read.set()

    def answered(self) -> None:
        """Note that nobody reads the rest of the body: the answer has begun."""
        self._read.set()

    async def receive(self) -> Message:
        """Return what comes after the body."""
        await self._read.wait()
        return await self._receive()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to the other server.

    :param body: `None` if it has none.
    """

    method: str
    url: str
    headers: list[Header]
    body: AsyncIterator[bytes] | bytes | None = None


Answered = Callable[["httpx.Response"], tuple[list[Header], AsyncIterator[bytes]]]
"""Returns the headers and the body of an answer, as the client gets them."""


async def make_client() -> httpx.AsyncClient:
    """Return what connects to other servers: without cookies, and without following them elsewhere."""
    # Few devboxes have gateways, and every server would pay for the import. It reads all certificates too.
    return await asyncio.to_thread(_make_client)


def _make_client() -> httpx.AsyncClient:
    import httpx

    return httpx.AsyncClient(
        follow_redirects=False,
        timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS, write=_STALL_SECONDS),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


async def passed_on(
    client: httpx.AsyncClient, outgoing: Outgoing, incoming: Incoming, send: Send, answered: Answered
) -> None:
    """Pass a request on, and send the answer back.

    :raises httpx.HTTPError: if the other server cannot be reached or understood; nothing was sent then.
    :raises EOFError: if the answer breaks off.
    """
    import httpx

    # Made by hand: a client's `build_request` adds headers of its own.
    request = httpx.Request(outgoing.method, outgoing.url, headers=outgoing.headers, content=outgoing.body)
    request.extensions["timeout"] = client.timeout.as_dict()
    response = await client.send(request, stream=True, auth=None)
    incoming.answered()
    try:
        headers, body = answered(response)
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        async for piece in body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except httpx.HTTPError as error:
        raise EOFError(f"the answer broke off: {type(error).__name__}") from None
    finally:
        await response.aclose()


def kept(headers: Iterable[Header]) -> list[Header]:
    """Return the headers that are not for the next machine alone."""
    headers = list(headers)
    named = {
        word.strip().lower() for name, value in headers if name == b"connection" for word in value.split(b",")
    }
    if any(name == b"transfer-encoding" for name, _ in headers):
        named.add(b"content-length")  # It is not what counts.
    return [(name, value) for name, value in headers if name not in HOP_BY_HOP | named]


def with_credentials(headers: Iterable[Header], credentials: list[Header], token: str) -> list[Header]:
    """Return the headers of a request with the credentials in the place of the client's token."""
    replaced = _SET_ANEW | {name for name, _ in credentials}
    mine = token.encode()
    own = [(name, value) for name, value in kept(headers) if name not in replaced and mine not in value]
    return [*own, *credentials]


def as_it_is(response: httpx.Response) -> tuple[list[Header], AsyncIterator[bytes]]:
    """Return the answer of the other server as it came."""
    return headers_of(response), response.aiter_raw()


def headers_of(response: httpx.Response) -> list[Header]:
    """Return the headers of an answer that are for the client."""
    return kept((name.lower(), value) for name, value in response.headers.raw)
