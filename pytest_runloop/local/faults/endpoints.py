"""Which call of the API a request is, and which calls a pattern means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Annotated

from pydantic import AfterValidator

from ...contract.all_endpoints import NAMED
from ...contract.nearest import nearest

# An id is a short prefix and a random text; in a name of a call it would make each call a kind of its own.
_ID = re.compile(r"\b[a-z]{2,4}_[0-9A-Za-z]{8,}\b")
_PLACE = re.compile(r"[A-Z*]+ /\S*")
_DEVBOX = re.compile(r"/v1/devboxes/(\w+)(?:/.*)?")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as far as a rule can ask about it.

    :param endpoint: the endpoint's name, or verb and path of a call that the contract does not declare.
    :param place: verb and path as they came.
    :param devbox_id: the devbox that the path names.
    :param request_id: the idempotency key, equal in all tries of one request.
    """

    endpoint: str
    place: str
    devbox_id: str | None = None
    request_id: str | None = None


def identify(verb: str, path: str, request_id: str | None = None) -> Call:
    """Return which call this is.

    :param verb: the HTTP method.
    :param path: the path, without a query.
    :param request_id: the value of `x-request-id`.
    """
    place = f"{verb} {path}"
    for name, pattern in _patterns():
        if pattern.fullmatch(place):
            return Call(name, place, _devbox_id(name, path), request_id)
    return Call(_ID.sub("{id}", place), place, _devbox_id("", path), request_id)


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Every endpoint's pattern, fixed segments before parameters, as the service routes."""
    ordered = sorted(NAMED.items(), key=lambda item: ["{" in part for part in item[1].path.split("/")])
    return [(name, re.compile(_with_parameters(str(endpoint)))) for name, endpoint in ordered]


def _with_parameters(place: str) -> str:
    return "[^/]+".join(re.escape(part) for part in re.split(r"{\w+}", place))


def _devbox_id(name: str, path: str) -> str | None:
    found = _DEVBOX.fullmatch(path)
    names_one = NAMED[name].path.startswith("/v1/devboxes/{") if name else bool(found and _ID.match(found[1]))
    return found[1] if found and names_one else None


def names_a_devbox(pattern: str) -> bool:
    """Tell whether any call that this pattern means has a devbox in its path."""
    if " " in pattern and pattern not in _places():
        return True
    return any(NAMED[name].path.startswith("/v1/devboxes/{") for name in _meant(pattern))


def matches(pattern: str, call: Call) -> bool:
    """Tell whether a pattern means this call."""
    if " " in pattern and pattern not in _places():
        return fnmatchcase(call.place, pattern)
    return pattern == "*" or call.endpoint in _meant(pattern)


@cache
def _places() -> dict[str, str]:
    return {str(endpoint): name for name, endpoint in NAMED.items()}


@cache
def _meant(pattern: str) -> frozenset[str]:
    if pattern in _places():
        return frozenset({_places()[pattern]})
    full = pattern if "." in pattern or pattern == "*" else f"*.{pattern}"
    return frozenset(name for name in NAMED if fnmatchcase(name, full))


def _known(pattern: str) -> str:
    if _PLACE.fullmatch(pattern) or (" " not in pattern and _meant(pattern)):
        return pattern
    hint = nearest(pattern, [*NAMED, *(name.partition(".")[2] for name in NAMED)])
    raise ValueError(
        f"is no call of the API: {pattern!r}"
        + (hint or "; write `*`, a name as `devboxes.create` or `executions.*`, or verb and path")
    )


EndpointPattern = Annotated[str, AfterValidator(_known)]
"""`*`, a name or a pattern of names, the last part of a name, or verb and path (`GET /v1/objects/*`)."""
