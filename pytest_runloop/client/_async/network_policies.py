"""Making and finding network policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import network_policies
from ..errors import hide_from_traceback
from ..pages import AsyncItems
from .listing import async_listed
from .network_policy import AsyncNetworkPolicy
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKNetworkPolicyCreateParams, SDKNetworkPolicyListParams

__tracebackhide__ = hide_from_traceback


class AsyncNetworkPolicyOps:
    """Makes and finds network policies; `runloop.network_policy`.

    :param transport: the client's.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, **params: Unpack[SDKNetworkPolicyCreateParams]) -> AsyncNetworkPolicy:
        """Keep a new policy. Devboxes get it with `launch_parameters={"network_policy_id": policy.id}`.

        :param params: `name`, unique in the account, and what it allows, as `allowed_hostnames`.
        :raises BadRequestError: if there is one of this name, or it allows what can be no host.
        """
        view = await self._transport.call(network_policies.CREATE, {}, params)
        return AsyncNetworkPolicy(self._transport, view.id)

    def from_id(self, network_policy_id: str) -> AsyncNetworkPolicy:
        """Return the handle of a policy. Nothing is asked of the service, so it may not exist."""
        return AsyncNetworkPolicy(self._transport, network_policy_id)

    def list(self, **params: Unpack[SDKNetworkPolicyListParams]) -> AsyncItems[AsyncNetworkPolicy]:
        """Return the policies, newest first; further pages are fetched on the way.

        :param params: `name` for a part of it, `id`, `limit` for at most so many.
        """
        return async_listed(
            self._transport,
            network_policies.LIST,
            {},
            params,
            lambda view: [
                AsyncNetworkPolicy(self._transport, item.id) for item in view.network_policies or []
            ],
        )
