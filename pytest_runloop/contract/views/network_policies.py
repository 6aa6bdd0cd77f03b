"""Views of network policies."""

from __future__ import annotations

from .base import ListView, View


class EgressRulesView(View):
    """Where devboxes may connect to."""

    allow_all: bool
    allow_devbox_to_devbox: bool
    allowed_hostnames: list[str]
    allow_agent_gateway: bool
    allow_mcp_gateway: bool


class NetworkPolicyView(View):
    """A network policy. Times are milliseconds since the epoch."""

    id: str
    name: str
    egress: EgressRulesView
    create_time_ms: int
    update_time_ms: int
    description: str | None = None


class NetworkPolicyListView(ListView):
    """One page of network policies."""

    network_policies: list[NetworkPolicyView]
