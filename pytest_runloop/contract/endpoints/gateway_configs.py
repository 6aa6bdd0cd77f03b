"""Gateways: services that devboxes may call without having the credentials (service of 2026)."""

from __future__ import annotations

from ..endpoint import Json, Page, get, post
from ..params import gateway_configs as params
from ..views.gateway_configs import GatewayConfigListView, GatewayConfigView, GatewayTokenView

_CONFIG = Json(view=GatewayConfigView)

CREATE = post("/v1/gateway-configs", _CONFIG, params.GatewayConfigCreateParams)
LIST = get(
    "/v1/gateway-configs",
    Page(view=GatewayConfigListView, items="gateway_configs"),
    params.GatewayConfigListParams,
)
RETRIEVE = get("/v1/gateway-configs/{id}", _CONFIG)
UPDATE = post("/v1/gateway-configs/{id}", _CONFIG, params.GatewayConfigUpdateParams)
DELETE = post("/v1/gateway-configs/{id}/delete", _CONFIG)
CREATE_TOKEN = post(
    "/v1/devboxes/{id}/create_gateway_token",
    Json(view=GatewayTokenView),
    params.DevboxCreateGatewayTokenParams,
)
