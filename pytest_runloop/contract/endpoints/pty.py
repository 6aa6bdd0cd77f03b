"""Terminals in devboxes (service of 2026).

Devboxes serve them behind their PTY tunnels: base URL and key are those of a tunnel.
"""

from __future__ import annotations

from ..endpoint import Json, get, post
from ..params import pty as params
from ..views.pty import PtyConnectView, PtyControlResultView

CONNECT = get("/pty/{session_name}", Json(view=PtyConnectView), params.PtyConnectParams)
CONTROL = post("/pty/{session_name}/control", Json(view=PtyControlResultView), params.PtyControlParams)
