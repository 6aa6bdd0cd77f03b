"""What is behind a grant, when a request comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

from ...contract.views.gateway_configs import GatewayConfigView
from ...contract.views.mcp_configs import McpConfigView
from ..errors import ApiError
from ..secrets import Secrets
from .configs import GatewayConfigs, McpConfigs
from .credentials import Header, UnusableSecretError, applied
from .grants import Grant
from .passing import make_client

if TYPE_CHECKING:
    import httpx


class Desk:
    """Looks up where requests go, and with what. Configs and secrets are those of the moment."""

    def __init__(self, gateways: GatewayConfigs, mcp: McpConfigs, secrets: Secrets) -> None:
        self.gateways, self.mcp, self._secrets = gateways, mcp, secrets
        self._client: httpx.AsyncClient | None = None
        self._turn = asyncio.Lock()

    async def client(self) -> httpx.AsyncClient:
        """Return what connects to other servers."""
        async with self._turn:
            if self._client is None:
                self._client = await make_client()
        return self._client

    def gateway(self, grant: Grant) -> GatewayConfigView:
        """Return the service that a grant is for.

        :raises ApiError: 502 if it was deleted.
        """
        return self.gateways.known(grant.config_id) or _gone("gateway config", grant.config_id)

    def mcp_server(self, grant: Grant) -> McpConfigView:
        """Return the MCP server that a grant is for.

        :raises ApiError: 502 if it was deleted.
        """
        return self.mcp.known(grant.config_id) or _gone("MCP config", grant.config_id)

    def credentials(self, config: GatewayConfigView | McpConfigView, grant: Grant) -> list[Header]:
        """Return the headers that a request gets.

        :raises ApiError: 502 if a secret was deleted, or no header can hold its value.
        """
        assert config.auth_mechanism is not None
        try:
            return applied(
                config.auth_mechanism, self._value(grant.secret_id), config.custom_headers or (), self._value
            )
        except UnusableSecretError as error:
            message = f"cannot call `{config.name}`: {error}; give it another value"
            raise ApiError(502, "unusable_secret", message, retry=False) from None

    def _value(self, identifier: str) -> str:
        value = self._secrets.value(identifier)
        return _gone("secret", identifier) if value is None else value

    async def close(self) -> None:
        """End the connections that wait for further requests."""
        if self._client is not None:
            await self._client.aclose()


def _gone(what: str, identifier: str) -> NoReturn:
    message = f"the {what} `{identifier}`, which this token stands for, was deleted: create a new token"
    raise ApiError(502, "deleted", message, retry=False)
