# Generated from ../_async/network_policy.py by scripts/unasync.py: change that file, and run the script.
"""One network policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import network_policies
from ..errors import hide_from_traceback
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKNetworkPolicyUpdateParams
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.network_policies import NetworkPolicyView

__tracebackhide__ = hide_from_traceback


class NetworkPolicy:
    """Says where the devboxes that have it may connect to.

    :param transport: the client's.
    :param network_policy_id: its id.
    """

    def __init__(self, transport: Transport, network_policy_id: str) -> None:
        self._transport = transport
        self._id = network_policy_id
        self._path = {"id": network_policy_id}

    @property
    def id(self) -> str:
        """The policy's id."""
        return self._id

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> NetworkPolicyView:
        """Return what the service says about it."""
        return self._transport.call(network_policies.RETRIEVE, self._path, options)

    def update(self, **params: Unpack[SDKNetworkPolicyUpdateParams]) -> NetworkPolicyView:
        """Change what is given, and keep the rest. Devboxes that have it are held to it at once.

        :param params: those of `create` that change.
        :raises BadRequestError: as `create`.
        """
        return self._transport.call(network_policies.UPDATE, self._path, params)

    def delete(self, **options: Unpack[LongRequestOptions]) -> NetworkPolicyView:
        """Delete it, and return what it was.

        :raises BadRequestError: while living devboxes have it.
        """
        return self._transport.call(network_policies.DELETE, self._path, options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
