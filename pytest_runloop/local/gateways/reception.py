"""Answers what a devbox asks at its door."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from ..encoding import failed
from ..errors import ApiError, invalid
from ..leaving import until_gone
from ..network_policies import GatewayRule
from .desk import Desk
from .endpoints import climbs, joined
from .grants import Grant, Kind, granted
from .hub import Hub
from .passing import Answered, Incoming, Outgoing, as_it_is, passed_on, with_credentials

_log = logging.getLogger(__name__)

_RULES: Mapping[Kind, GatewayRule] = {"gateway": "allow_agent_gateway", "mcp": "allow_mcp_gateway"}

Carry = Callable[[Grant, Scope, Incoming, Send], Awaitable[None]]


class Reception:
    """The requests of one devbox (ASGI).

    :param grants: what it may call; they may change.
    :param permit: raises `ApiError` for what its network policy does not allow.
    """

    def __init__(self, desk: Desk, grants: list[Grant], permit: Callable[[GatewayRule], None]) -> None:
        self._desk, self._grants, self._permit = desk, grants, permit
        self._carry: Mapping[Kind, Carry] = {"gateway": self._to_service, "mcp": self._to_mcp_server}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            grant = self._admitted(scope)
            incoming = Incoming(receive, scope["headers"])
            await until_gone(self._carried(grant, scope, incoming, send), incoming.receive)
        except ApiError as error:
            await _refuse(send, error)
        except (ClientDisconnect, asyncio.CancelledError):  # Or the door was closed: nobody hears of it.
            return
        except EOFError as error:  # The server ends the connection, since the answer is not complete.
            _log.warning("a request of a devbox: %s", error)

    def _admitted(self, scope: Scope) -> Grant:
        grant = granted(scope["headers"], self._grants)
        if grant is None:
            message = (
                "the token is missing, or is not one of this devbox: send `Authorization: Bearer TOKEN` with"
                " what the environment variable holds"
            )
            raise ApiError(401, "unauthorized", message)
        self._permit(_RULES[grant.kind])
        # The answer to one would be the request, with the credential; that to the other no longer HTTP.
        if scope["method"] in ("TRACE", "CONNECT"):
            raise ApiError(405, "method_not_allowed", f"{scope['method']} is not passed on")
        return grant

    async def _carried(self, grant: Grant, scope: Scope, incoming: Incoming, send: Send) -> None:
        await self._carry[grant.kind](grant, scope, incoming, send)

    async def _to_service(self, grant: Grant, scope: Scope, incoming: Incoming, send: Send) -> None:
        config = self._desk.gateway(grant)
        headers = with_credentials(scope["headers"], self._desk.credentials(config, grant), grant.token)
        url = joined(config.endpoint, _path(scope), scope["query_string"].decode("latin-1"))
        body = incoming.body() if incoming.has_body else None
        outgoing = Outgoing(scope["method"], url, headers, body)
        await self._pass(config.name, config.endpoint, outgoing, incoming, send, as_it_is)

    async def _to_mcp_server(self, grant: Grant, scope: Scope, incoming: Incoming, send: Send) -> None:
        config = self._desk.mcp_server(grant)
        credentials = self._desk.credentials(config, grant)
        hub = Hub(config)
        body = await hub.admitted(scope["method"], _path(scope), incoming)
        if (refusal := hub.refusal(body)) is not None:
            await _say(send, 200, refusal)
            return
        headers = hub.headers(with_credentials(scope["headers"], credentials, grant.token))
        outgoing = Outgoing(scope["method"], config.endpoint, headers, body.sent)
        del body  # As objects it takes far more room than in bytes, and the server may take its time.
        await self._pass(config.name, config.endpoint, outgoing, incoming, send, hub.answered)

    async def _pass(
        self, name: str, endpoint: str, outgoing: Outgoing, incoming: Incoming, send: Send, answered: Answered
    ) -> None:
        import httpx

        where = f"`{name}` at {urlsplit(endpoint).netloc}"
        try:
            await passed_on(await self._desk.client(), outgoing, incoming, send, answered)
        except httpx.InvalidURL:
            raise invalid(f"the address of the request cannot be put behind that of {where}") from None
        except httpx.HTTPError as error:
            # Not the error's text, which may hold what was sent.
            message = f"{where} could not be reached from the server: {type(error).__name__}"
            raise ApiError(502, "not_reached", message) from None


def _path(scope: Scope) -> str:
    """Return the path of a request, as it was written.

    :raises ApiError: 400 if it is none, or leads upwards.
    """
    raw: bytes = scope["raw_path"]
    path = raw.decode("latin-1")
    if not path.startswith("/") or climbs(path):
        raise invalid("the address of a request begins with `/`, and has no part that is `.` or `..`")
    return path


async def _refuse(send: Send, error: ApiError) -> None:
    reply = failed(error)
    assert isinstance(reply.body, bytes)
    await _say(send, reply.status, reply.body, reply.headers)


async def _say(send: Send, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
    told = [
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
        *headers,
    ]
    raw = [(name.encode(), value.encode()) for name, value in told]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
