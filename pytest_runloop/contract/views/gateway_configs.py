"""Views of gateways."""

from __future__ import annotations

from pydantic import Field

from .base import ListView, View
from .credentials import AuthMechanismView, CustomHeaderView


class GatewayConfigView(View):
    """A service that devboxes may call without having its credential."""

    id: str
    auth_mechanism: AuthMechanismView
    create_time_ms: int
    endpoint: str
    name: str
    account_id: str | None = None
    custom_headers: list[CustomHeaderView] | None = None
    description: str | None = None


class GatewayConfigListView(ListView):
    """A page of gateways."""

    gateway_configs: list[GatewayConfigView]


class GatewaySpecView(View):
    """What a gateway of a devbox is made of."""

    gateway_config_id: str
    secret_id: str


class GatewayTokenView(View):
    """What a devbox calls a service with."""

    auth_mechanism: AuthMechanismView
    devbox_id: str
    """The only one that the token is good for."""
    endpoint: str
    gateway_config_id: str
    token: str = Field(repr=False)
    """To be sent as `Authorization: Bearer TOKEN`."""
    url: str
    """As the devbox sees it."""
