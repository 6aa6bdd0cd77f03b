# Generated from ../_async/network_policies.py by scripts/unasync.py: change that file, and run the script.
"""Making and finding network policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import network_policies
from ..errors import hide_from_traceback
from ..pages import Items
from .listing import listed
from .network_policy import NetworkPolicy
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKNetworkPolicyCreateParams, SDKNetworkPolicyListParams

__tracebackhide__ = hide_from_traceback


class NetworkPolicyOps:
    """Makes and finds network policies; `runloop.network_policy`.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, **params: Unpack[SDKNetworkPolicyCreateParams]) -> NetworkPolicy:
        """Keep a new policy. Devboxes get it with `launch_parameters={"network_policy_id": policy.id}`.

        :param params: `name`, unique in the account, and what it allows, as `allowed_hostnames`.
        :raises BadRequestError: if there is one of this name, or it allows what can be no host.
        """
        view = self._transport.call(network_policies.CREATE, {}, params)
        return NetworkPolicy(self._transport, view.id)

    def from_id(self, network_policy_id: str) -> NetworkPolicy:
        """Return the handle of a policy. Nothing is asked of the service, so it may not exist."""
        return NetworkPolicy(self._transport, network_policy_id)

    def list(self, **params: Unpack[SDKNetworkPolicyListParams]) -> Items[NetworkPolicy]:
        """Return the policies, newest first; further pages are fetched on the way.

        :param params: `name` for a part of it, `id`, `limit` for at most so many.
        """
        return listed(
            self._transport,
            network_policies.LIST,
            {},
            params,
            lambda view: [NetworkPolicy(self._transport, item.id) for item in view.network_policies or []],
        )
