"""MCP servers that devboxes may call without having the credentials."""

from __future__ import annotations

from ...contract.endpoints import mcp_configs as endpoints
from ...contract.views.mcp_configs import McpConfigListView, McpConfigView, McpTokenView
from ..backend import Backend
from ..calls import Call
from ..pages import paged
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> McpConfigView:
    """Keep an MCP server."""
    return backend.gateways.mcp_configs.create(call.params)


@HANDLES(endpoints.LIST)
async def list_configs(backend: Backend, call: Call) -> McpConfigListView:
    """List MCP servers."""
    page = paged(backend.gateways.mcp_configs.matching(call.params), call.params)
    return McpConfigListView(mcp_configs=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> McpConfigView:
    """Return an MCP server."""
    return backend.gateways.mcp_configs.get(call.id)


@HANDLES(endpoints.UPDATE)
async def update(backend: Backend, call: Call) -> McpConfigView:
    """Change an MCP server."""
    return backend.gateways.mcp_configs.update(call.id, call.params)


@HANDLES(endpoints.DELETE)
async def delete(backend: Backend, call: Call) -> McpConfigView:
    """Delete an MCP server that nobody uses."""
    backend.gateways.refuse_use("mcp", call.id)
    return backend.gateways.mcp_configs.delete(call.id)


@HANDLES(endpoints.CREATE_TOKEN)
async def create_token(backend: Backend, call: Call) -> McpTokenView:
    """Let a running devbox call an MCP server."""
    return await backend.gateways.mcp_token(backend.life(call.id), call.params)
