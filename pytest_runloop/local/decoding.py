"""Turns requests into calls, by what their endpoint declares."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect, Request

from ..contract.hints import hints_of
from ..contract.validation import InvalidParamsError, validated
from .calls import Call
from .errors import ApiError, invalid
from .routing import AnyEndpoint, Match
from .settings import Settings

_METADATA = re.compile(r"metadata\[(?P<key>[^\]]*)\](?P<any>\[in\])?")

_SURROGATES = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")


async def decoded(match: Match, request: Request, settings: Settings, body: bytes) -> Call:
    """Return the call that a request makes.

    :param body: the whole body, empty for an upload.
    :raises ApiError: if something in it is not as the endpoint declares it.
    """
    endpoint = match.endpoint
    query, filters = _query(endpoint, request)
    if endpoint.upload is not None:
        content_type = request.headers.get("content-type", "")
        return Call(match.ids, {}, filters, content_type, arriving(request, settings.body_stall))
    host = request.headers.get("host", "")
    return Call(match.ids, _params(endpoint, query, _json_object(body)), filters, host=host)


async def whole_body(request: Request, settings: Settings) -> bytes:
    """Return the body of a request.

    :raises ApiError: if it is too large, or nothing more comes.
    """
    data = bytearray()
    async for chunk in arriving(request, settings.body_stall):
        data += chunk
        if len(data) > settings.json_max:
            message = f"the body is larger than {settings.json_max:,} bytes: send files with `upload_file`"
            raise ApiError(413, "request_too_large", message)
    return bytes(data)


async def arriving(request: Request, stall: float) -> AsyncIterator[bytes]:
    """Yield the body of a request while it arrives.

    :param stall: seconds without a byte after which it is given up.
    :raises ApiError: if nothing more comes.
    """
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(stall):
                chunk = await anext(stream)
            if chunk:
                yield chunk
    except StopAsyncIteration:
        return
    except TimeoutError:
        raise ApiError(408, "timed_out", f"nothing more of the body arrived for {stall:g} s") from None
    except ClientDisconnect:
        raise invalid("the client went away while it sent the body") from None


def _json_object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise invalid(f"the body is not JSON: {error}") from None
    if _SURROGATES.search(body):
        _refuse_surrogates(value)
    if not isinstance(value, dict):
        raise invalid(f"the body must be a JSON object, not {type(value).__name__}")
    return value


def _refuse_surrogates(value: Any) -> None:
    """Refuse half a pair of surrogates: JSON can say it, and no file, log or answer can hold it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise invalid("the body holds half of a surrogate pair, which is no character") from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _query(endpoint: AnyEndpoint, request: Request) -> tuple[dict[str, str], dict[str, list[str]]]:
    takes_metadata = any(_METADATA.fullmatch(name) for name in endpoint.wire.values())
    plain: dict[str, str] = {}
    filters: dict[str, list[str]] = {}
    for name, value in request.query_params.items():
        found = _METADATA.fullmatch(name) if takes_metadata else None
        if found:
            filters[found["key"]] = value.split(",") if found["any"] else [value]
        elif name in endpoint.wire:
            raise invalid(f"`{name}` is not known in the query: write `metadata[KEY]=VALUE`")
        else:
            plain[name] = value
    return plain, filters


def _params(endpoint: AnyEndpoint, query: Mapping[str, str], body: dict[str, Any]) -> dict[str, Any]:
    try:
        if endpoint.params is None:
            return _nothing(endpoint, [*query, *body])
        if endpoint.verb == "GET":
            return validated(endpoint.params, query, lax=True)
        _refuse_misplaced(endpoint, query, body)
        return validated(endpoint.params, body | _converted(endpoint.params, query))
    except InvalidParamsError as error:
        raise invalid(str(error)) from None


def _nothing(endpoint: AnyEndpoint, names: list[str]) -> dict[str, Any]:
    if names:
        raise invalid(f"`{names[0]}` is not known: {endpoint} takes no parameters")
    return {}


def _refuse_misplaced(endpoint: AnyEndpoint, query: Iterable[str], body: Iterable[str]) -> None:
    for name in query:
        if not endpoint.travels_in_query(name):
            where = f"query takes {_listed(endpoint.query)}" if endpoint.query else "endpoint takes no query"
            raise invalid(f"`{name}` is not known in the query: this {where}")
    for name in body:
        if endpoint.travels_in_query(name):
            raise invalid(f"`{name}` belongs in the query, not in the body")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


@cache
def _converter(params: type, name: str) -> TypeAdapter[Any]:
    return TypeAdapter(hints_of(params)[name])


def _converted(params: type, query: Mapping[str, str]) -> dict[str, Any]:
    return {name: _convert(params, name, text) for name, text in query.items()}


def _convert(params: type, name: str, text: str) -> Any:
    try:
        return _converter(params, name).validate_python(text)
    except ValidationError as error:
        message = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise invalid(f"`{name}` in the query: {message}") from None
