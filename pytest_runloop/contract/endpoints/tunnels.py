"""Tunnels to the ports of a devbox: one for all ports (service of 2026), and one a port (service of 2025)."""

from __future__ import annotations

from ..endpoint import Empty, Json, post
from ..params import tunnels as params
from ..views.tunnels import DevboxTunnelView, PtyTunnelView, TunnelView

ENABLE = post("/v1/devboxes/{id}/enable_tunnel", Json(view=TunnelView), params.DevboxEnableTunnelParams)
CREATE = post("/v1/devboxes/{id}/create_tunnel", Json(view=DevboxTunnelView), params.DevboxCreateTunnelParams)
CREATE_PTY = post("/v1/devboxes/{id}/create_pty_tunnel", Json(view=PtyTunnelView))
REMOVE = post("/v1/devboxes/{id}/remove_tunnel", Empty(), params.DevboxRemoveTunnelParams, bodiless=True)
