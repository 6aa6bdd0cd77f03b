"""The addresses of tunnels on Runloop's cloud."""

from __future__ import annotations

from urllib.parse import urlsplit

from .errors import hide_from_traceback

__tracebackhide__ = hide_from_traceback


def cloud_url(base_url: str, tunnel_key: str, port: int) -> str:
    """Return where a port is reached through a tunnel.

    :param base_url: of the API. Tunnels have the same domain, as `api.runloop.ai` and `tunnel.runloop.ai`.
    """
    domain = (urlsplit(base_url).hostname or "").removeprefix("api.")
    return f"https://{port}-{tunnel_key}.tunnel.{domain}"
