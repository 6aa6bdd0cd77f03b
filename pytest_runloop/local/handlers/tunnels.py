"""Tunnels to ports of devboxes."""

from __future__ import annotations

from ...contract.endpoints import tunnels as endpoints
from ...contract.views.tunnels import DevboxTunnelView, TunnelView
from ..backend import Backend
from ..calls import Call
from ..life import Life
from ._table import Table

HANDLES = Table()


def _life(backend: Backend, call: Call, doing: str) -> Life:
    life = backend.life(call.id)
    if life.devbox.ended:
        raise life.devbox.refusal(doing)
    return life


@HANDLES(endpoints.ENABLE)
async def enable_tunnel(backend: Backend, call: Call) -> TunnelView:
    """Give a devbox a tunnel to all its ports."""
    life = backend.life(call.id)
    life.devbox.running_box("enable its tunnel")
    return backend.tunnels.enable(life, call.params)


@HANDLES(endpoints.CREATE)
async def create_tunnel(backend: Backend, call: Call) -> DevboxTunnelView:
    """Give a port of a devbox an address. A suspended devbox that has a tunnel may get further ones."""
    life = _life(backend, call, "create a tunnel")
    if life.devbox.tunnel is None:
        life.devbox.running_box("create a tunnel")
    return backend.tunnels.create(life, call.params["port"])


@HANDLES(endpoints.REMOVE)
async def remove_tunnel(backend: Backend, call: Call) -> None:
    """Take back what the other two gave."""
    life = _life(backend, call, "remove its tunnel")
    await backend.tunnels.remove(life, call.params.get("port"))
