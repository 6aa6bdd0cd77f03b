"""Gateways that devboxes may call without having the credentials."""

from __future__ import annotations

from ...contract.endpoints import gateway_configs as endpoints
from ...contract.views.gateway_configs import GatewayConfigListView, GatewayConfigView, GatewayTokenView
from ..backend import Backend
from ..calls import Call
from ..pages import paged
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> GatewayConfigView:
    """Keep a gateway."""
    return backend.gateways.configs.create(call.params)


@HANDLES(endpoints.LIST)
async def list_configs(backend: Backend, call: Call) -> GatewayConfigListView:
    """List gateways."""
    page = paged(backend.gateways.configs.matching(call.params), call.params)
    return GatewayConfigListView(gateway_configs=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> GatewayConfigView:
    """Return a gateway."""
    return backend.gateways.configs.get(call.id)


@HANDLES(endpoints.UPDATE)
async def update(backend: Backend, call: Call) -> GatewayConfigView:
    """Change a gateway."""
    return backend.gateways.configs.update(call.id, call.params)


@HANDLES(endpoints.DELETE)
async def delete(backend: Backend, call: Call) -> GatewayConfigView:
    """Delete a gateway that nobody uses."""
    backend.gateways.refuse_use("gateway", call.id)
    return backend.gateways.configs.delete(call.id)


@HANDLES(endpoints.CREATE_TOKEN)
async def create_token(backend: Backend, call: Call) -> GatewayTokenView:
    """Let a running devbox call a gateway."""
    return await backend.gateways.gateway_token(backend.life(call.id), call.params)
