# Generated from ../_async/pty.py by scripts/unasync.py: change that file, and run the script.
"""Terminals of a devbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import pty
from ..errors import hide_from_traceback
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKPtyConnectParams, SDKPtyControlParams
    from ...contract.views.pty import PtyConnectView, PtyControlResultView

__tracebackhide__ = hide_from_traceback


class Pty:
    """Makes and steers terminals; `runloop.pty`. The service has them since 2026.

    They are behind the tunnel of a devbox, which has an address and a key of its own: use a client of
    `base_url=tunnel.url, api_key=tunnel.auth_token`, with the tunnel of `devbox.net.create_pty_tunnel()`.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def connect(self, session_name: str, **params: Unpack[SDKPtyConnectParams]) -> PtyConnectView:
        """Return the terminal of a name, with a shell at it. It is made if there is none.

        :param session_name: letters, digits, `-` and `_`.
        :param params: if wanted `cols` and `rows`.
        :return: among others `connect_url`, the path of the WebSocket by which one client sits at it.
        :raises BadRequestError: if the client is not one of a tunnel, or the devbox does not run.
        """
        return self._transport.call(pty.CONNECT, {"session_name": session_name}, params)

    def control(self, session_name: str, **params: Unpack[SDKPtyControlParams]) -> PtyControlResultView:
        """Do something to a terminal.

        :param session_name: its name.
        :param params: `action="resize"` with `cols` and `rows`, `action="signal"` with `signal="SIGINT"`, or
            `action="close"`.
        :raises NotFoundError: if there is none of this name.
        """
        return self._transport.call(pty.CONTROL, {"session_name": session_name}, params)
