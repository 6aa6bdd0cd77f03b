"""Making and finding gateway configs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import gateway_configs
from ..answers import without
from ..errors import BadRequestError, RequestInfo, hide_from_traceback
from ..pages import AsyncItems
from .gateway_config import AsyncGatewayConfig
from .listing import async_listed
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKGatewayConfigCreateParams, SDKGatewayConfigListParams

__tracebackhide__ = hide_from_traceback


class AsyncGatewayConfigOps:
    """Makes and finds gateway configs; `runloop.gateway_config`.

    :param transport: the client's.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, **params: Unpack[SDKGatewayConfigCreateParams]) -> AsyncGatewayConfig:
        """Have the service know a service by an id and a name.

        :param params: `name`, `endpoint` for where its requests go, `auth_mechanism` for the credential.
        :raises BadRequestError: if there is one of this name, or something of it cannot be.
        """
        view = await self._transport.call(gateway_configs.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", gateway_configs.CREATE.path))
        return AsyncGatewayConfig(self._transport, view.id)

    async def put(self, **params: Unpack[SDKGatewayConfigCreateParams]) -> AsyncGatewayConfig:
        """Have the service know a service, whether there is one of this name or not.

        For suites, since configs outlive runs. Of one that is there, what is not given stays.

        :param params: those of `create`.
        :raises BadRequestError: if something of it cannot be.
        """
        if (known := await self._named(params["name"])) is not None:
            await known.update(**params)
            return known
        try:
            return await self.create(**params)
        except BadRequestError:
            # Another worker may have been quicker.
            if (known := await self._named(params["name"])) is None:
                raise
            return known

    def from_id(self, gateway_config_id: str) -> AsyncGatewayConfig:
        """Return the handle of one. Nothing is asked of the service, so it may not exist."""
        return AsyncGatewayConfig(self._transport, gateway_config_id)

    def list(self, **params: Unpack[SDKGatewayConfigListParams]) -> AsyncItems[AsyncGatewayConfig]:
        """Return the gateway configs, newest first; further pages are fetched on the way.

        :param params: `name` and `id` for those that fit, `limit` for at most so many.
        """
        return async_listed(
            self._transport,
            gateway_configs.LIST,
            {},
            params,
            lambda view: [
                AsyncGatewayConfig(self._transport, item.id) for item in view.gateway_configs or []
            ],
        )

    async def _named(self, name: str) -> AsyncGatewayConfig | None:
        """Return the handle of the one that has this name, if there is one."""
        view = await self._transport.call(gateway_configs.LIST, {}, {"name": name, "limit": 5000})
        found = (item for item in view.gateway_configs or [] if item.name == name)
        return next((AsyncGatewayConfig(self._transport, item.id) for item in found), None)
