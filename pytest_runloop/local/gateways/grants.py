"""What a devbox may call, and the tokens that prove it."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from .credentials import Header

Kind = Literal["gateway", "mcp"]

_BEARER = b"bearer "


@dataclass(frozen=True, slots=True)
class Grant:
    """That a devbox may call something.

    :param config_id: of what.
    :param secret_id: of its credential.
    :param token: what the devbox shows for it.
    """

    kind: Kind
    config_id: str
    secret_id: str
    token: str = field(repr=False)


def new_grant(kind: Kind, config_id: str, secret_id: str) -> Grant:
    """Return a grant with a fresh token."""
    return Grant(kind, config_id, secret_id, secrets.token_urlsafe(32))


def granted(headers: Iterable[Header], grants: Iterable[Grant]) -> Grant | None:
    """Return the grant whose token is in a request, in whichever header clients put their keys."""
    shown = [_without_scheme(value) for _, value in headers]
    for grant in grants:
        token = grant.token.encode()
        if any(hmac.compare_digest(value, token) for value in shown):
            return grant
    return None


def _without_scheme(value: bytes) -> bytes:
    return value[len(_BEARER) :].strip() if value[: len(_BEARER)].lower() == _BEARER else value.strip()
