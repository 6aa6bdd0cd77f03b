"""Builds requests from endpoints and parameters, without sending anything."""

from __future__ import annotations

import difflib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Generic, Required, TypeVar, get_origin
from urllib.parse import quote

from .._version import __version__
from ..contract.endpoint import Endpoint, Lane, Returns
from ..contract.hints import hints_of
from ..contract.wire import on_wire
from .errors import KEY_PREFIX, ArgumentError, RequestInfo, hide_from_traceback
from .secret import Secret
from .settings import CONNECT_SECONDS, Settings
from .sources import Multipart, Source

__tracebackhide__ = hide_from_traceback

R = TypeVar("R")

_OPTIONS: Final = frozenset(
    {"extra_headers", "extra_query", "extra_body", "timeout", "idempotency_key", "polling_config"}
)
_USER_AGENT: Final = f"pytest-runloop/{__version__}"
_NO_LIMIT: Final[dict[str, float]] = {}


@dataclass(frozen=True, slots=True)
class Prepared(Generic[R]):
    """A request that can be sent, again and again.

    :param info: what is asked.
    :param headers: the headers, without the key.
    :param content: the body, or the form with a file.
    :param timeouts: seconds to connect, read, write, and wait for a connection; empty for no limit.
    :param lane: the connections to use.
    :param returns: how the answer is encoded.
    """

    info: RequestInfo
    headers: list[tuple[str, str]]
    content: bytes | Multipart = field(repr=False)
    timeouts: Mapping[str, float]
    lane: Lane
    returns: Returns[R]

    @property
    def repeatable(self) -> bool:
        """Whether it can be sent again: a file that cannot be rewound is sent once."""
        return isinstance(self.content, bytes) or self.content.source.rewindable


@dataclass(frozen=True, slots=True)
class _Shape:
    known: frozenset[str]
    required: frozenset[str]
    has_body: bool


def prepare(
    endpoint: Endpoint[R], path: Mapping[str, str], values: Mapping[str, Any], settings: Settings
) -> Prepared[R]:
    """Build the request for a call.

    :param endpoint: the call.
    :param path: the path parameters.
    :param values: the other parameters and the options of a request, as the caller gave them.
    :param settings: the client's.
    :raises ArgumentError: if a parameter is not known to the call, or a required one is missing.
    """
    params = {key: value for key, value in values.items() if key not in _OPTIONS}
    shape = _shape(endpoint)
    _check(params, shape, endpoint)
    query, body = _split(endpoint, params)
    query.update(values.get("extra_query") or {})
    url = settings.base_url + _filled(endpoint.path, path) + _query_string(query)
    content = _content(endpoint, shape, body, values.get("extra_body"))
    return Prepared(
        RequestInfo(endpoint.verb, url, _file_of(params)),
        _headers(endpoint, content, values),
        content,
        _timeouts(settings, endpoint.slow, values),
        endpoint.lane,
        endpoint.returns,
    )


def options_of(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return those of the named options of a request that were given."""
    return {name: values[name] for name in names if name in values}


@cache
def _shape(endpoint: Endpoint[Any]) -> _Shape:
    if endpoint.params is None:
        return _Shape(frozenset(), frozenset(), has_body=False)
    hints = hints_of(endpoint.params)
    required = frozenset(name for name, hint in hints.items() if get_origin(hint) is Required)
    has_body = not endpoint.bodiless and any(not endpoint.travels_in_query(name) for name in hints)
    return _Shape(frozenset(hints), required, has_body)


def _check(params: Mapping[str, Any], shape: _Shape, endpoint: Endpoint[Any]) -> None:
    missing = shape.required.difference(params)
    if missing:
        raise ArgumentError(f"{endpoint}: {', '.join(sorted(missing))} must be given")
    for name in params.keys() - shape.known:
        near = difflib.get_close_matches(name, shape.known | _OPTIONS, n=1)
        hint = f", did you mean `{near[0]}`?" if near else ""
        raise ArgumentError(f"{endpoint}: `{name}` is not a parameter of it{hint}")


def _split(endpoint: Endpoint[Any], params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    query: dict[str, Any] = {}
    body: dict[str, Any] = {}
    for name, value in params.items():
        place = query if endpoint.travels_in_query(name) else body
        place[endpoint.wire.get(name, name)] = value
    return query, on_wire(endpoint.params, body) if endpoint.params and body else body


def _filled(template: str, path: Mapping[str, str]) -> str:
    return template.format_map({name: _segment(name, value) for name, value in path.items()})


def _segment(name: str, value: str) -> str:
    if not value:
        raise ValueError(f"the {name.replace('_', ' ')} is empty")
    if value in (".", ".."):
        return value.replace(".", "%2E")
    return quote(value, safe="")


def _query_string(query: Mapping[str, Any]) -> str:
    pairs = [
        f"{quote(name, safe='')}={quote(text, safe='')}"
        for key, value in query.items()
        for name, text in _query_items(key, value)
    ]
    return "?" + "&".join(pairs) if pairs else ""


def _query_items(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, Mapping):
        for inner, item in value.items():
            yield from _query_items(f"{key}[{inner}]", item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield key, ",".join(_query_text(item) for item in value if item is not None)
    else:
        yield key, _query_text(value)


def _query_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _content(
    endpoint: Endpoint[Any], shape: _Shape, body: dict[str, Any], extra: Mapping[str, Any] | None
) -> bytes | Multipart:
    if endpoint.upload is not None:
        source = Source.of(body.pop(endpoint.upload, b""))
        return Multipart({**body, **(extra or {})}, endpoint.upload, source)
    if extra:
        body.update(extra)
    if not body and not shape.has_body:
        return b""
    # Compact, and not escaped: text in other scripts would else double in size.
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence | frozenset | set) and not isinstance(value, bytes | bytearray):
        return list(value)
    raise ArgumentError(f"{type(value).__name__} cannot be sent as JSON")


def _headers(
    endpoint: Endpoint[Any], content: bytes | Multipart, values: Mapping[str, Any]
) -> list[tuple[str, str]]:
    headers = {"Accept": endpoint.returns.accept, "User-Agent": _USER_AGENT}
    if isinstance(content, Multipart):
        headers["Content-Type"] = content.content_type
        if content.length is not None:
            headers["Content-Length"] = str(content.length)
    elif endpoint.verb != "GET":
        headers["Content-Type"] = "application/json"
    if endpoint.verb != "GET":
        # One key for all tries of a request: the service carries it out once.
        headers["x-request-id"] = values.get("idempotency_key") or f"{KEY_PREFIX}{uuid.uuid4()}"
    headers.update(values.get("extra_headers") or {})
    return list(headers.items())


def _timeouts(settings: Settings, slow: bool, values: Mapping[str, Any]) -> Mapping[str, float]:
    seconds = values["timeout"] if "timeout" in values else settings.seconds(slow)
    if seconds is None:
        return _NO_LIMIT
    return {
        "connect": min(seconds, CONNECT_SECONDS),
        "read": seconds,
        "write": seconds,
        "pool": seconds,
    }


def _file_of(params: Mapping[str, Any]) -> str | None:
    path = params.get("file_path") or params.get("path")
    return path if isinstance(path, str) else None
