"""Who may ask for what: whoever has the server's own key, or a key that was made with it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from .errors import ApiError
from .routing import AnyEndpoint
from .scopes import Scopes, needed_for


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request with a good key.

    :param id: tells callers apart.
    :param scopes: what they may do; `None` for everything.
    :param devbox_id: the only devbox whose terminals they may use; `None` if they came with a key.
    """

    id: str
    scopes: Scopes | None = None
    devbox_id: str | None = None

    def require(self, endpoint: AnyEndpoint) -> None:
        """Return if the caller may use an endpoint.

        :raises ApiError: 403, with the scope that is missing.
        """
        if self.scopes is None:
            return
        need = needed_for(endpoint)
        if not need.met_by(self.scopes):
            message = (
                f"the key may not do this: {endpoint} needs the scope {need};"
                " make a key that has it, with `POST /v1/restricted_keys`"
            )
            raise ApiError(403, "scope_missing", message)


_OWNER = Caller("server")


class Doorkeeper:
    """Asks each request for its key.

    :param api_key: the server's own.
    :param made: returns the caller of another key, or `None` if there is no such key.
    """

    def __init__(self, api_key: str, made: Callable[[str], Caller | None]) -> None:
        self._api_key = api_key.encode()
        self._made = made

    def caller(self, authorization: str) -> Caller:
        """Return who sends a request.

        :param authorization: the header of that name; empty if there is none.
        :raises ApiError: 401 if it has no key, or a wrong one.
        """
        scheme, _, rest = authorization.partition(" ")
        if scheme.lower() != "bearer" or not rest:
            raise unauthorized("the key is missing: send `Authorization: Bearer KEY`")
        key = rest.strip()
        if hmac.compare_digest(key.encode(), self._api_key):
            return _OWNER
        if (caller := self._made(key)) is None:
            raise unauthorized(
                "the key is not this server's: it prints its own when it starts, and knows those that"
                " `POST /v1/apikeys` and `POST /v1/restricted_keys` made"
            )
        return caller


def unauthorized(message: str) -> ApiError:
    """Return the error for a request without a good key."""
    return ApiError(401, "unauthorized", message)
