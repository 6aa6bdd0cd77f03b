"""API keys that are made through the API. Of a key's value only a digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ..contract.views.keys import APIKeyCreatedView, RestrictedKeyCreatedView, ScopeEntryView
from .access import Caller, unauthorized
from .clock import Clock
from .errors import invalid
from .ids import new_id
from .records import KeyRecord, Records
from .scopes import Scopes

_BYTES: Final = 32
"""Of a key's random part: as much as nobody guesses, and so a digest without salt or delay is enough."""


class Keys:
    """All keys of the state directory, which is the account: each server that shares it takes them."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records.keys
        self._clock = clock

    def create(self, params: Mapping[str, Any]) -> APIKeyCreatedView:
        """Make a key that may do everything.

        :raises ApiError: 400 if its time is over already.
        """
        record, secret = self._made("ak", params, None)
        return APIKeyCreatedView(**_shown(record), key_secret=secret)

    def create_restricted(self, params: Mapping[str, Any]) -> RestrictedKeyCreatedView:
        """Make a key that may do what its scopes say.

        :raises ApiError: 400 if they contradict each other, or its time is over already.
        """
        entries = params["scopes"]
        record, secret = self._made("rk", params, _scopes(entries))
        scopes = [ScopeEntryView(**entry) for entry in entries]
        return RestrictedKeyCreatedView(**_shown(record), key_secret=secret, scopes=scopes)

    def _made(self, kind: str, params: Mapping[str, Any], scopes: Scopes | None) -> tuple[KeyRecord, str]:
        expires = params.get("expires_at_ms")
        if expires is not None and expires <= self._clock.now_ms():
            raise invalid(f"`expires_at_ms` is over already: {expires} was {_time(expires)}")
        secret = f"{kind}_{secrets.token_urlsafe(_BYTES)}"
        record = KeyRecord(
            digest=_digest(secret),
            key_id=new_id("key"),
            name=params.get("name"),
            scopes=None if scopes is None else dict(scopes),
            expires_at_ms=expires,
        )
        self._records.put(record)
        return record, secret

    def caller(self, key: str) -> Caller | None:
        """Return whom a key stands for; `None` if there is no such key.

        :raises ApiError: 401 if its time is over.
        """
        # Found by its digest: how long that takes tells nothing of any key.
        record = self._records.get(_digest(key))
        if record is None:
            return None
        if record.expires_at_ms is not None and record.expires_at_ms <= self._clock.now_ms():
            raise unauthorized(f"the key expired at {_time(record.expires_at_ms)}: use another one")
        return Caller(record.key_id, record.scopes)


def _scopes(entries: Sequence[Mapping[str, str]]) -> Scopes:
    if not entries:
        raise invalid("`scopes` is empty, and such a key could do nothing: name at least one")
    scopes: dict[str, str] = {}
    for number, entry in enumerate(entries):
        if entry["resource_type"] in scopes:
            raise invalid(f"`scopes.{number}.resource_type`: {entry['resource_type']} is there twice")
        scopes[entry["resource_type"]] = entry["access_level"]
    return scopes


def _shown(record: KeyRecord) -> dict[str, Any]:
    return {"id": record.key_id, "name": record.name, "expires_at_ms": record.expires_at_ms}


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _time(milliseconds: int) -> str:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(" ", "seconds")
    except (ValueError, OverflowError):  # After the year 9999.
        return f"{milliseconds} ms after the epoch"
