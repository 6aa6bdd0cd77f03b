# Generated from ../_async/mcp_configs.py by scripts/unasync.py: change that file, and run the script.
"""Making and finding MCP configs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import mcp_configs
from ..answers import without
from ..errors import BadRequestError, RequestInfo, hide_from_traceback
from ..pages import Items
from .listing import listed
from .mcp_config import McpConfig
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKMcpConfigCreateParams, SDKMcpConfigListParams

__tracebackhide__ = hide_from_traceback


class McpConfigOps:
    """Makes and finds MCP configs; `runloop.mcp_config`.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, **params: Unpack[SDKMcpConfigCreateParams]) -> McpConfig:
        """Have the service know an MCP server by an id and a name.

        :param params: `name`, `endpoint` for where it is, `allowed_tools` for the tools that may be used.
        :raises BadRequestError: if there is one of this name, or something of it cannot be.
        """
        view = self._transport.call(mcp_configs.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", mcp_configs.CREATE.path))
        return McpConfig(self._transport, view.id)

    def put(self, **params: Unpack[SDKMcpConfigCreateParams]) -> McpConfig:
        """Have the service know an MCP server, whether there is one of this name or not.

        For suites, since configs outlive runs. Of one that is there, what is not given stays.

        :param params: those of `create`.
        :raises BadRequestError: if something of it cannot be.
        """
        if (known := self._named(params["name"])) is not None:
            known.update(**params)
            return known
        try:
            return self.create(**params)
        except BadRequestError:
            # Another worker may have been quicker.
            if (known := self._named(params["name"])) is None:
                raise
            return known

    def from_id(self, mcp_config_id: str) -> McpConfig:
        """Return the handle of one. Nothing is asked of the service, so it may not exist."""
        return McpConfig(self._transport, mcp_config_id)

    def list(self, **params: Unpack[SDKMcpConfigListParams]) -> Items[McpConfig]:
        """Return the MCP configs, newest first; further pages are fetched on the way.

        :param params: `name` and `id` for those that fit, `limit` for at most so many.
        """
        return listed(
            self._transport,
            mcp_configs.LIST,
            {},
            params,
            lambda view: [self.from_id(item.id) for item in view.mcp_configs or []],
        )

    def _named(self, name: str) -> McpConfig | None:
        """Return the handle of the one that has this name, if there is one."""
        view = self._transport.call(mcp_configs.LIST, {}, {"name": name, "limit": 5000})
        found = (item for item in view.mcp_configs or [] if item.name == name)
        return next((McpConfig(self._transport, item.id) for item in found), None)
