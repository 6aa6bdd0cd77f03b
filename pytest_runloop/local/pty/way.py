"""The way of a request to the terminals of a devbox: by its token, whatever host it names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from ..access import Caller, unauthorized
from ..encoding import Reply, failed
from ..errors import ApiError
from ..protocol import WEB_SOCKETS

if TYPE_CHECKING:
    from ..backend import Backend
    from .terminals import Terminals

_TOKEN = "x-runloop-tunnel-authorization"
_ATTACH = re.compile(r"/pty/([^/]+)/attach")


def tunnelled(backend: Backend, connection: HTTPConnection) -> Caller | None:
    """Return who comes with the token of a PTY tunnel; `None` if none of its headers has one."""
    if not connection.scope["path"].startswith(WEB_SOCKETS):
        return None
    for name in (_TOKEN, "authorization"):
        scheme, _, token = connection.headers.get(name, "").partition(" ")
        host = connection.headers.get("host", "")
        if scheme.lower() == "bearer" and (found := backend.ptys.tokens.devbox(token.strip(), host)):
            return Caller(f"pty of {found}", devbox_id=found)
    return None


def terminals(backend: Backend, devbox_id: str | None) -> Terminals:
    """Return the terminals that a token opens.

    :raises ApiError: 400 if the request came without one.
    """
    if devbox_id is None:
        message = (
            "terminals are reached through a tunnel: make one with"
            " `POST /v1/devboxes/{id}/create_pty_tunnel`, and send its `auth_token` in place of the key"
        )
        raise ApiError(400, "pty_tunnel_needed", message)
    return backend.ptys.of(devbox_id)


async def serve_web_socket(backend: Backend, scope: Scope, receive: Receive, send: Send) -> None:
    """Let a client sit at the terminal that the path names."""
    from .attach import attach  # With what few servers are asked for.

    await receive()
    connection = HTTPConnection(scope)
    try:
        caller = tunnelled(backend, connection)
        if caller is None:
            raise unauthorized("send `Authorization: Bearer TOKEN`, with the `auth_token` of a PTY tunnel")
        if (found := _ATTACH.fullmatch(scope["path"])) is None:
            raise ApiError(
                404, "not_found", "a WebSocket is at the `connect_url` of `GET /pty/{session_name}`"
            )
        session = terminals(backend, caller.devbox_id).session(found[1])
        await attach(session, receive, send)
    except ApiError as error:
        await _refuse(failed(error), send)


async def _refuse(reply: Reply, send: Send) -> None:
    headers = [("content-type", reply.content_type), *reply.headers]
    raw = [(name.encode(), value.encode()) for name, value in headers]
    start = {"type": "websocket.http.response.start", "status": reply.status, "headers": raw}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": reply.body})
