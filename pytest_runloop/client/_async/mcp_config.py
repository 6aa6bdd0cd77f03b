"""One MCP config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import mcp_configs
from ..errors import hide_from_traceback
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKMcpConfigUpdateParams
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.mcp_configs import McpConfigView

__tracebackhide__ = hide_from_traceback


class AsyncMcpConfig:
    """An MCP server that devboxes may call without having its credential.

    :param transport: the client's.
    :param config_id: its id.
    """

    def __init__(self, transport: AsyncTransport, config_id: str) -> None:
        self._transport = transport
        self._id = config_id
        self._path = {"id": config_id}

    @property
    def id(self) -> str:
        """Its id."""
        return self._id

    async def get_info(self, **options: Unpack[BaseRequestOptions]) -> McpConfigView:
        """Return what the service says about it."""
        return await self._transport.call(mcp_configs.RETRIEVE, self._path, options)

    async def update(self, **params: Unpack[SDKMcpConfigUpdateParams]) -> McpConfigView:
        """Change it, for the devboxes that use it too.

        :param params: those of `create` that change.
        :raises BadRequestError: as `create`.
        """
        return await self._transport.call(mcp_configs.UPDATE, self._path, params)

    async def delete(self, **options: Unpack[LongRequestOptions]) -> McpConfigView:
        """Delete it, and return what it was.

        :raises BadRequestError: if a living devbox uses it.
        """
        return await self._transport.call(mcp_configs.DELETE, self._path, options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
