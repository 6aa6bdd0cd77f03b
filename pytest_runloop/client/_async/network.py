"""How a devbox is reached from outside."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ...contract.endpoints import devboxes, tunnels
from ...contract.params.tunnels import PTY_PORT
from ...contract.views.ssh import DevboxCreateSSHKeyResponse
from ...contract.views.tunnels import DevboxTunnelView, PtyTunnelView, TunnelView
from ..errors import hide_from_traceback
from ..ssh import write_access
from ..tunnels import cloud_url
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import (
        SDKDevboxCreateTunnelParams,
        SDKDevboxEnableTunnelParams,
        SDKDevboxRemoveTunnelParams,
    )
    from ...contract.params.options import LongRequestOptions

__tracebackhide__ = hide_from_traceback


class AsyncNetworkInterface:
    """The ways into one devbox; `devbox.net`.

    :param transport: the client's.
    :param devbox_id: whose.
    """

    def __init__(self, transport: AsyncTransport, devbox_id: str) -> None:
        self._transport = transport
        self._path = {"id": devbox_id}

    async def enable_tunnel(self, **params: Unpack[SDKDevboxEnableTunnelParams]) -> TunnelView:
        """Make every port reachable; `devbox.get_tunnel_url(port)` says where.

        :param params: `auth_mode="authenticated"` asks each request for a token, the answer's `auth_token`;
            `http_keep_alive=False` lets the devbox be idle although requests come; `wake_on_http=True` lets
            them resume it.
        :raises BadRequestError: if it is not running, or has a tunnel already.
        """
        return await self._transport.call(tunnels.ENABLE, self._path, params)

    async def create_tunnel(self, **params: Unpack[SDKDevboxCreateTunnelParams]) -> DevboxTunnelView:
        """Make one port reachable, at the answer's `url`. The cloud of 2026 knows `enable_tunnel` only.

        :param params: `port` says which.
        """
        return await self._transport.call(tunnels.CREATE, self._path, params)

    async def remove_tunnel(self, **params: Unpack[SDKDevboxRemoveTunnelParams]) -> None:
        """Take back what `enable_tunnel` did or, with `port`, what `create_tunnel` did for it."""
        await self._transport.call(tunnels.REMOVE, self._path, params)

    async def create_pty_tunnel(self, **options: Unpack[LongRequestOptions]) -> PtyTunnelView:
        """Make a way to its terminals, good until it ends: a client of it has `pty`.

        :return: `url` and `auth_token`, for `Runloop(base_url=url, api_key=auth_token)`.
        :raises BadRequestError: if it is not running.
        """
        view = await self._transport.call(tunnels.CREATE_PTY, self._path, options)
        if view.url is None:
            view.url = cloud_url(self._transport.settings.base_url, view.tunnel_key, PTY_PORT)
        return view

    async def create_ssh_key(self, **options: Unpack[LongRequestOptions]) -> DevboxCreateSSHKeyResponse:
        """Make a key that opens the devbox by SSH; `ssh_config` puts it to use.

        Each call makes a further key. All are valid until the devbox ends, also after a suspension.

        :return: `ssh_private_key`, `ssh_user`, `url`; of the local backend `port` and `host_key` too.
        :raises BadRequestError: if it is not running, or cannot have an OpenSSH server.
        """
        return await self._transport.call(devboxes.CREATE_SSH_KEY, self._path, options)

    async def ssh_config(self, directory: str | PathLike[str], **options: Unpack[LongRequestOptions]) -> Path:
        """Make a key, and write all that OpenSSH's programs need to reach the devbox as `devbox`.

        `ssh -F CONFIG devbox COMMAND`, and so do `scp`, `sftp` and `rsync -e "ssh -F CONFIG"`.

        :param directory: where to write; made if it is missing. The key is for its owner only.
        :return: the path of the configuration.
        :raises BadRequestError: if it is not running, or cannot have an OpenSSH server.
        """
        key = await self.create_ssh_key(**options)
        return write_access(Path(directory), key, self._transport.settings.base_url)
