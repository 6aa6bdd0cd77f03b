"""How credentials get into requests that are passed on."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ...contract.views.credentials import AuthMechanismView, CustomHeaderView
from ..errors import invalid

Header = tuple[bytes, bytes]

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Headers that are for the next machine alone."""
_OURS = HOP_BY_HOP | {b"host", b"content-length", b"expect"}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]+")


class UnusableSecretError(Exception):
    """A value that no header can hold. The text names it not."""


def check_mechanism(mechanism: Mapping[str, Any], field: str) -> None:
    """Refuse a mechanism that cannot be.

    :param field: the parameter that has it.
    :raises ApiError: 400, naming the field.
    """
    kind, key = mechanism["type"], mechanism.get("key")
    if kind == "header":
        if not key:
            raise invalid(f"`{field}.key` is missing: the name of the header that gets the secret")
        _check_name(key, f"{field}.key")
    elif key is not None:
        raise invalid(f"`{field}.key` goes with the type `header` alone, not with `{kind}`")


def check_header(header: Mapping[str, Any], field: str) -> None:
    """Refuse a further header that cannot be.

    :raises ApiError: 400, naming the field.
    """
    _check_name(header["name"], f"{field}.name")
    value = header.get("value")
    if (value is None) == (header.get("secret") is None):
        raise invalid(f"`{field}`: one of `value` and `secret` must be given, and not both")
    if value is not None and not _VALUE.fullmatch(value.encode()):
        raise invalid(f"`{field}.value` is empty, or has characters that no header can have")


def _check_name(name: str, field: str) -> None:
    if not _NAME.fullmatch(name):
        raise invalid(f"`{field}`: {name[:200]!r} can be no name of a header")
    if name.lower().encode() in _OURS:
        raise invalid(f"`{field}`: `{name}` is set by whoever carries the request")


def applied(
    mechanism: AuthMechanismView,
    secret: str,
    further: Iterable[CustomHeaderView],
    value_of: Callable[[str], str],
) -> list[Header]:
    """Return the headers that a request gets.

    :param value_of: returns the value of the secret with an id.
    :raises UnusableSecretError: if no header can hold a value.
    """
    return [_primary(mechanism, secret), *_further(further, value_of)]


def _primary(mechanism: AuthMechanismView, secret: str) -> Header:
    value = _checked(secret)
    match mechanism.type:
        case "header":
            return (mechanism.key or "").lower().encode(), value
        case "basic":
            return b"authorization", b"Basic " + base64.b64encode(value)
    return b"authorization", b"Bearer " + value


def _further(further: Iterable[CustomHeaderView], value_of: Callable[[str], str]) -> Iterator[Header]:
    for header in further:
        value = value_of(header.secret) if header.secret is not None else header.value or ""
        yield header.name.lower().encode(), _checked(value)


def _checked(value: str) -> bytes:
    # Many a value comes from a file, with the end of its line.
    raw = value.strip().encode()
    if not _VALUE.fullmatch(raw):
        raise UnusableSecretError("a secret is empty, or has characters that no header can have")
    return raw
