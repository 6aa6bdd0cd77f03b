# Generated from ../_async/gateway_config.py by scripts/unasync.py: change that file, and run the script.
"""One gateway config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import gateway_configs
from ..errors import hide_from_traceback
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKGatewayConfigUpdateParams
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.gateway_configs import GatewayConfigView

__tracebackhide__ = hide_from_traceback


class GatewayConfig:
    """A service that devboxes may call without having its credential.

    :param transport: the client's.
    :param config_id: its id.
    """

    def __init__(self, transport: Transport, config_id: str) -> None:
        self._transport = transport
        self._id = config_id
        self._path = {"id": config_id}

    @property
    def id(self) -> str:
        """Its id."""
        return self._id

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> GatewayConfigView:
        """Return what the service says about it."""
        return self._transport.call(gateway_configs.RETRIEVE, self._path, options)

    def update(self, **params: Unpack[SDKGatewayConfigUpdateParams]) -> GatewayConfigView:
        """Change it, for the devboxes that use it too.

        :param params: those of `create` that change.
        :raises BadRequestError: as `create`.
        """
        return self._transport.call(gateway_configs.UPDATE, self._path, params)

    def delete(self, **options: Unpack[LongRequestOptions]) -> GatewayConfigView:
        """Delete it, and return what it was.

        :raises BadRequestError: if a living devbox uses it.
        """
        return self._transport.call(gateway_configs.DELETE, self._path, options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
