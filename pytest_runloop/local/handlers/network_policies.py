"""Network policies."""

from __future__ import annotations

from ...contract.endpoints import network_policies as endpoints
from ...contract.views.network_policies import NetworkPolicyListView, NetworkPolicyView
from ..backend import Backend
from ..calls import Call
from ..pages import paged
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> NetworkPolicyView:
    """Keep a new policy."""
    return backend.network_policies.create(call.params)


@HANDLES(endpoints.LIST)
async def list_policies(backend: Backend, call: Call) -> NetworkPolicyListView:
    """List policies."""
    page = paged(backend.network_policies.matching(call.params), call.params)
    return NetworkPolicyListView(network_policies=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> NetworkPolicyView:
    """Return a policy."""
    return backend.network_policies.get(call.id)


@HANDLES(endpoints.UPDATE)
async def update(backend: Backend, call: Call) -> NetworkPolicyView:
    """Change what is given."""
    return backend.network_policies.update(call.id, call.params)


@HANDLES(endpoints.DELETE)
async def delete(backend: Backend, call: Call) -> NetworkPolicyView:
    """Delete a policy that no living devbox has."""
    users = [
        box.id for box in backend.devboxes() if not box.ended and call.id == box.launch.network_policy_id
    ]
    return backend.network_policies.delete(call.id, users)
