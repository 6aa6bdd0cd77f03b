"""The tokens of PTY tunnels: each opens the terminals of one devbox, until the devbox ends."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import deque
from typing import Final, NamedTuple

from ...contract.params.tunnels import PTY_PORT
from ...contract.views.tunnels import PtyTunnelView

_MOST: Final = 1000
"""Of each devbox; beyond, the oldest are good no more."""
_KEY: Final = 13
"""Bytes of a key, which are twice as many characters of a host name."""
_HOST = re.compile(rf"{PTY_PORT}-([0-9a-f]+)\..*")


class _Token(NamedTuple):
    devbox_id: str
    key: str


class Tokens:
    """All of them, by the digest of their value: how long one is looked for tells nothing of any."""

    def __init__(self) -> None:
        self._known: dict[str, _Token] = {}
        self._of: dict[str, deque[str]] = {}

    def new(self, devbox_id: str, host: str) -> PtyTunnelView:
        """Make one.

        :param host: of this server, as the client reaches it.
        """
        key, token = secrets.token_hex(_KEY), secrets.token_urlsafe(32)
        digests = self._of.setdefault(devbox_id, deque())
        if len(digests) == _MOST:
            del self._known[digests.popleft()]
        digests.append(_digest(token))
        self._known[digests[-1]] = _Token(devbox_id, key)
        return PtyTunnelView(tunnel_key=key, auth_token=token, url=f"http://{host}")

    def devbox(self, token: str, host: str) -> str | None:
        """Return the id of the devbox that a token opens.

        :param host: that the request names; where it holds a key, that must be the token's.
        """
        known, named = self._known.get(_digest(token)), _HOST.fullmatch(host)
        if known is None or (named is not None and named[1] != known.key):
            return None
        return known.devbox_id

    def forget(self, devbox_id: str) -> None:
        """Let the tokens of a devbox be good no more."""
        for digest in self._of.pop(devbox_id, ()):
            del self._known[digest]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
