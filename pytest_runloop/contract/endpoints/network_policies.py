"""Network policies: where devboxes may connect to (service of 2026)."""

from __future__ import annotations

from ..endpoint import Json, Page, get, post
from ..params import network_policies as params
from ..views.network_policies import NetworkPolicyListView, NetworkPolicyView

_POLICY = Json(view=NetworkPolicyView)
_PAGE = Page(view=NetworkPolicyListView, items="network_policies")

CREATE = post("/v1/network-policies", _POLICY, params.NetworkPolicyCreateParams)
LIST = get("/v1/network-policies", _PAGE, params.NetworkPolicyListParams)
RETRIEVE = get("/v1/network-policies/{id}", _POLICY)
UPDATE = post("/v1/network-policies/{id}", _POLICY, params.NetworkPolicyUpdateParams)
DELETE = post("/v1/network-policies/{id}/delete", _POLICY)
