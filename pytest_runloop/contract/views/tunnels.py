"""Views of what makes ports of a devbox reachable."""

from __future__ import annotations

from pydantic import Field

from ..params.tunnels import TunnelAuthMode
from .base import View


class DevboxTunnelView(View):
    """The address of one port of a devbox."""

    devbox_id: str
    port: int
    url: str


class PtyTunnelView(View):
    """The way to the terminals of a devbox, by a token of its own (service of 2026)."""

    tunnel_key: str
    auth_token: str = Field(repr=False)
    """Sent as `X-Runloop-Tunnel-Authorization: Bearer TOKEN` or as `Authorization: Bearer TOKEN`."""
    url: str | None = None
    """Where the terminals are. The service says it by the key alone."""


class TunnelView(View):
    """A devbox's tunnel, through which all its ports are reachable (service of 2026)."""

    tunnel_key: str
    auth_mode: TunnelAuthMode | str
    create_time_ms: int
    http_keep_alive: bool
    wake_on_http: bool
    auth_token: str | None = Field(default=None, repr=False)
    """Where `auth_mode` is `authenticated`: sent as `X-Runloop-Tunnel-Authorization: Bearer TOKEN`."""
    url_template: str | None = None
    """Of the local backend alone: the address, with `{port}` in the place of the port."""
