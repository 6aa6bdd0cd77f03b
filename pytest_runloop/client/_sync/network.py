# Generated from ../_async/network.py by scripts/unasync.py: change that file, and run the script.
"""How a devbox is reached from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import tunnels
from ...contract.views.tunnels import DevboxTunnelView, TunnelView
from ..errors import hide_from_traceback
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import (
        SDKDevboxCreateTunnelParams,
        SDKDevboxEnableTunnelParams,
        SDKDevboxRemoveTunnelParams,
    )

__tracebackhide__ = hide_from_traceback


class NetworkInterface:
    """The ways into one devbox; `devbox.net`.

    :param transport: the client's.
    :param devbox_id: whose.
    """

    def __init__(self, transport: Transport, devbox_id: str) -> None:
        self._transport = transport
        self._path = {"id": devbox_id}

    def enable_tunnel(self, **params: Unpack[SDKDevboxEnableTunnelParams]) -> TunnelView:
        """Make every port reachable; `devbox.get_tunnel_url(port)` says where.

        :param params: `auth_mode="authenticated"` asks each request for a token, the answer's `auth_token`;
            `http_keep_alive=False` lets the devbox be idle although requests come; `wake_on_http=True` lets
            them resume it.
        :raises BadRequestError: if it is not running, or has a tunnel already.
        """
        return self._transport.call(tunnels.ENABLE, self._path, params)

    def create_tunnel(self, **params: Unpack[SDKDevboxCreateTunnelParams]) -> DevboxTunnelView:
        """Make one port reachable, at the answer's `url`. The cloud of 2026 knows `enable_tunnel` only.

        :param params: `port` says which.
        """
        return self._transport.call(tunnels.CREATE, self._path, params)

    def remove_tunnel(self, **params: Unpack[SDKDevboxRemoveTunnelParams]) -> None:
        """Take back what `enable_tunnel` did or, with `port`, what `create_tunnel` did for it."""
        self._transport.call(tunnels.REMOVE, self._path, params)
