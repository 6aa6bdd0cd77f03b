"""The HTTP application: one ASGI callable over the contract's endpoints."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from . import openapi
from .access import Caller, Doorkeeper
from .backend import Backend
from .calls import Chunks, Handler
from .content import content_reply
from .decoding import decoded, whole_body
from .encoding import Reply, encoded, failed
from .errors import DISK_FULL, ApiError, as_api_error, is_full_disk
from .handlers import SERVED
from .idempotency import Memory, key_of
from .leaving import until_gone
from .pty.way import serve_web_socket, tunnelled
from .routing import AnyEndpoint, Match, Routes
from .space import advice

_log = logging.getLogger(__name__)
_REQUEST_ID = re.compile(r"[\w.:-]{1,200}", re.ASCII)


class App:
    """Answers requests: authorisation, decoding, the handler, encoding, errors.

    :param backend: what the handlers work on.
    :param api_key: the server's own key. Every request must carry it, or one that was made with it.
    """

    def __init__(
        self, backend: Backend, api_key: str, handlers: Mapping[AnyEndpoint, Handler] = SERVED
    ) -> None:
        self._backend = backend
        self._door = Doorkeeper(api_key, lambda key: backend.keys.caller(key))
        self._handlers = handlers
        self._routes = Routes(handlers)
        self._memory = Memory()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] == "websocket":
            await serve_web_socket(self._backend, scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        try:
            reply = await self._reply(request)
        except ClientDisconnect:
            return
        await _transmit(reply, request_id, receive, send)

    async def _reply(self, request: Request) -> Reply:
        try:
            if (content := await content_reply(self._backend, request)) is not None:
                return content
            if (request.method, request.scope["path"]) == ("GET", openapi.PATH):
                return Reply(200, "application/json", openapi.encoded())
            return await self._dispatch(request, self._caller(request))
        except ApiError as error:
            return failed(self._advised(error))
        except ClientDisconnect:
            raise
        except Exception as error:
            if is_full_disk(error):
                return failed(
                    self._advised(as_api_error(error, f"carry out {request.method} {request.url.path}"))
                )
            _log.exception("%s %s failed", request.method, request.url.path)
            return failed(ApiError(500, "internal_error", f"the local backend failed: {error!r}"))

    def _advised(self, error: ApiError) -> ApiError:
        if error.code != DISK_FULL:
            return error
        return replace(error, message=f"{error.message}; {advice(self._backend.state_dir)}")

    def _caller(self, request: Request) -> Caller:
        known = tunnelled(self._backend, request)
        return known or self._door.caller(request.headers.get("authorization", ""))

    async def _dispatch(self, request: Request, caller: Caller) -> Reply:
        match = self._routes.match(request.method, _raw_path(request.scope))
        caller.require(match.endpoint)
        if match.endpoint.upload is not None:
            return await self._handle(match, request, b"", caller)
        body = await whole_body(request, self._backend.settings)
        request_id = request.headers.get("x-request-id")
        if request_id is None or match.endpoint.verb == "GET":
            return await self._handle(match, request, body, caller)
        key = key_of(caller.id, request_id, f"{request.url.path}?{request.url.query}", body)
        return await self._memory.once(key, lambda: self._handle(match, request, body, caller))

    async def _handle(self, match: Match, request: Request, body: bytes, caller: Caller) -> Reply:
        call = await decoded(match, request, self._backend.settings, body)
        call = replace(call, devbox_id=caller.devbox_id)
        answer = await self._handlers[match.endpoint](self._backend, call)
        return encoded(match.endpoint, answer)


def _raw_path(scope: Scope) -> str:
    # ASGI lets servers leave it out; the path has lost its escapes.
    raw: bytes | None = scope.get("raw_path")
    return quote(scope["path"]) if raw is None else raw.partition(b"?")[0].decode("ascii", "replace")


def _start(reply: Reply, request_id: str, length: int | None) -> MutableMapping[str, Any]:
    headers = [("content-type", reply.content_type), ("x-runloop-request-id", request_id), *reply.headers]
    if length is not None:
        headers.append(("content-length", str(length)))
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return {"type": "http.response.start", "status": reply.status, "headers": raw}


async def _transmit(reply: Reply, request_id: str, receive: Receive, send: Send) -> None:
    if isinstance(reply.body, bytes):
        await send(_start(reply, request_id, len(reply.body)))
        await send({"type": "http.response.body", "body": reply.body})
        return
    try:
        await send(_start(reply, request_id, reply.body.length))
        await until_gone(_pour(reply.body, send), receive)
    except EOFError as error:  # The server ends the connection, since the answer is not complete.
        _log.warning("request %s: %s", request_id, error)
    finally:
        await reply.body.aclose()


async def _pour(chunks: Chunks, send: Send) -> None:
    # `send` waits while the client reads slowly, and so nothing more is produced.
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
