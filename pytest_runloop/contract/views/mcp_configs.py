"""Views of MCP servers."""

from __future__ import annotations

from pydantic import Field

from .base import ListView, View
from .credentials import AuthMechanismView, CustomHeaderView


class McpConfigView(View):
    """An MCP server whose tools devboxes may call without having its credential."""

    id: str
    allowed_tools: list[str]
    create_time_ms: int
    endpoint: str
    name: str
    auth_mechanism: AuthMechanismView | None = None
    custom_headers: list[CustomHeaderView] | None = None
    description: str | None = None


class McpConfigListView(ListView):
    """A page of MCP servers."""

    mcp_configs: list[McpConfigView]


class McpSpecView(View):
    """What an MCP server of a devbox is made of."""

    mcp_config_id: str
    secret_id: str


class McpTokenView(View):
    """What a devbox calls an MCP server with."""

    allowed_tools: list[str]
    devbox_id: str
    """The only one that the token is good for."""
    endpoint: str
    mcp_config_id: str
    token: str = Field(repr=False)
    """To be sent as `Authorization: Bearer TOKEN`."""
    url: str
    """As the devbox sees it."""
