"""Signed addresses: whoever has one may do one thing with one object, for some time, without the key."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlencode

from .clock import Clock
from .errors import ApiError

Verb = Literal["GET", "PUT"]


class Signer:
    """Makes and checks signed addresses. They are good at this server only, and end with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Never written anywhere: another server listens at another port anyway.
        self._key = secrets.token_bytes(32)

    def address(self, host: str, verb: Verb, identifier: str, seconds: float) -> str:
        """Return an address that is good for some time.

        :param host: where the client reaches this server, with the port.
        :param seconds: for how long.
        """
        expires = str(self._clock.now_ms() + round(seconds * 1000))
        query = {"expires": expires, "signature": self._signature(verb, identifier, expires)}
        return f"http://{host}/v1/objects/{identifier}/content?{urlencode(query)}"

    def check(self, verb: str, identifier: str, query: Mapping[str, str]) -> None:
        """Refuse what was not signed, and what is no longer good.

        :raises ApiError: 403, as object stores answer it.
        """
        expires = query.get("expires", "")
        wanted = self._signature(verb, identifier, expires)
        if not hmac.compare_digest(wanted.encode(), query.get("signature", "").encode()):
            message = f"the address is not signed by this server for {verb} of the object `{identifier}`"
            raise ApiError(403, "signature_mismatch", message)
        if self._clock.now_ms() >= int(expires):
            message = f"the signed address of the object `{identifier}` has expired: ask for a new one"
            raise ApiError(403, "address_expired", message)

    def _signature(self, verb: str, identifier: str, expires: str) -> str:
        text = "\n".join((verb, identifier, expires))
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
