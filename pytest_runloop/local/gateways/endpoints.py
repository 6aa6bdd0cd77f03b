"""Where requests are passed on to."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..errors import invalid

_LONGEST = 2048
_PLAIN = re.compile(r"[!-~]+")
_DOTS = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)
_SLASHES = re.compile(r"/|\\|%2f|%5c", re.IGNORECASE)


def check_endpoint(endpoint: str, field: str = "endpoint") -> None:
    """Refuse what can be no endpoint.

    :raises ApiError: 400, naming the field.
    """
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or len(endpoint) > _LONGEST or not _PLAIN.fullmatch(endpoint):
        raise invalid(f"`{field}` must be an http or https address, as `https://api.example.com`")
    if parts.username is not None or parts.password is not None:
        raise invalid(f"`{field}` has a password or token in it: keep that as a secret")
    if parts.query or parts.fragment or climbs(parts.path):
        raise invalid(f"`{field}` must be an address without `?`, `#` and `..`")


def climbs(path: str) -> bool:
    """Tell whether a path has a part that leads upwards, however it is written."""
    return any(_DOTS.fullmatch(part) for part in _SLASHES.split(path))


def joined(endpoint: str, path: str, query: str) -> str:
    """Return where a request goes.

    :param path: of the request, absolute.
    :param query: of the request, without `?`.
    """
    return f"{endpoint.rstrip('/')}{path}" + (f"?{query}" if query else "")
