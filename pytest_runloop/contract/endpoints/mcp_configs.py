"""MCP servers whose tools devboxes may call without having the credentials (service of 2026)."""

from __future__ import annotations

from ..endpoint import Json, Page, get, post
from ..params import mcp_configs as params
from ..views.mcp_configs import McpConfigListView, McpConfigView, McpTokenView

_CONFIG = Json(view=McpConfigView)

CREATE = post("/v1/mcp-configs", _CONFIG, params.McpConfigCreateParams)
LIST = get("/v1/mcp-configs", Page(view=McpConfigListView, items="mcp_configs"), params.McpConfigListParams)
RETRIEVE = get("/v1/mcp-configs/{id}", _CONFIG)
UPDATE = post("/v1/mcp-configs/{id}", _CONFIG, params.McpConfigUpdateParams)
DELETE = post("/v1/mcp-configs/{id}/delete", _CONFIG)
CREATE_TOKEN = post(
    "/v1/devboxes/{id}/create_mcp_token", Json(view=McpTokenView), params.DevboxCreateMcpTokenParams
)
