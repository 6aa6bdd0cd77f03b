"""Terminals in devboxes."""

from __future__ import annotations

from ...contract.endpoints import pty as endpoints
from ...contract.endpoints import tunnels
from ...contract.views.pty import PtyConnectView, PtyControlResultView
from ...contract.views.tunnels import PtyTunnelView
from ..backend import Backend
from ..calls import Call
from ..pty.sizes import size_of
from ..pty.way import terminals
from ._table import Table

HANDLES = Table()


@HANDLES(tunnels.CREATE_PTY)
async def create_pty_tunnel(backend: Backend, call: Call) -> PtyTunnelView:
    """Make a token for the terminals of a devbox."""
    return backend.ptys.tunnel(backend.life(call.id), call.host)


@HANDLES(endpoints.CONNECT)
async def connect(backend: Backend, call: Call) -> PtyConnectView:
    """Make a terminal, or find the one of this name."""
    return await terminals(backend, call.devbox_id).connect(call.id, size_of(call.params))


@HANDLES(endpoints.CONTROL)
async def control(backend: Backend, call: Call) -> PtyControlResultView:
    """Resize, signal or close a terminal."""
    return await terminals(backend, call.devbox_id).control(call.id, call.params)
