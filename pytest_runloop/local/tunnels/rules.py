"""What a tunnel asks of a request, and what it does for it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from .heads import Head
from .refusals import RefusedError

TOKEN_HEADER = b"x-runloop-tunnel-authorization"
"""Where clients of 2026 send the token, so that `Authorization` is free for the service's own."""

_BEARER = b"bearer "


@dataclass(frozen=True, slots=True)
class Rules:
    """How a devbox's tunnels behave.

    :param token: that each request must carry; `None` lets everybody in.
    :param keep_alive: whether requests keep the devbox from being idle.
    :param wake: whether they resume it.
    """

    token: bytes | None = None
    keep_alive: bool = True
    wake: bool = False

    def passed(self, head: Head) -> bytes:
        """Return what to pass on of a request's head: everything but the token.

        :raises RefusedError: 401 without the token.
        """
        if self.token is None:
            return head.without(set())
        shown = {line for name, value, line in head.fields if self._shows_token(name, value)}
        if not shown:
            where = "X-Runloop-Tunnel-Authorization: Bearer TOKEN"
            message = (
                f"this tunnel asks for its token: send `{where}`, with the `auth_token` of `enable_tunnel`"
            )
            raise RefusedError(401, "unauthorized", message, {"www-authenticate": "Bearer"})
        return head.without(shown)

    def _shows_token(self, name: bytes, value: bytes) -> bool:
        if name not in (TOKEN_HEADER, b"authorization") or value[: len(_BEARER)].lower() != _BEARER:
            return False
        return hmac.compare_digest(value[len(_BEARER) :].strip(), self.token or b"")
