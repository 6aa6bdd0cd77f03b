"""What devboxes may call without having the credentials: their variables, doors and tokens."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ...contract.views.gateway_configs import GatewaySpecView, GatewayTokenView
from ...contract.views.mcp_configs import McpSpecView, McpTokenView
from ..clock import Clock
from ..engine.protocol import Box, Capability, Engine
from ..errors import ENGINE_ERRORS, ApiError, as_api_error, invalid
from ..launch import Launch, check_environment
from ..life import Life
from ..network_policies import NetworkPolicies
from ..records import Records
from ..secrets import Secrets
from ..store import Store
from .configs import GatewayConfigs, McpConfigs
from .desk import Desk
from .door import Door
from .grants import Grant, Kind, new_grant
from .hub import PATH
from .reception import Reception

_MCP_URL = "RL_MCP_URL"
_TRIES = 10


@dataclass(slots=True)
class Access:
    """What one devbox may call.

    :param own: what it was created with.
    :param grants: these, and those that were asked for later.
    """

    door: Door
    grants: list[Grant]
    own: dict[str, Grant] = field(default_factory=dict)

    @property
    def mcp_url(self) -> str:
        """Where its MCP servers are."""
        return f"{self.door.url}{PATH}"

    def gateways(self) -> dict[str, GatewaySpecView]:
        """Return the services that it was created with."""
        return {
            name: GatewaySpecView(gateway_config_id=grant.config_id, secret_id=grant.secret_id)
            for name, grant in self.own.items()
            if grant.kind == "gateway"
        }

    def mcp(self) -> dict[str, McpSpecView]:
        """Return the MCP servers that it was created with."""
        return {
            name: McpSpecView(mcp_config_id=grant.config_id, secret_id=grant.secret_id)
            for name, grant in self.own.items()
            if grant.kind == "mcp"
        }

    def is_for(self, kind: Kind, config_id: str) -> bool:
        """Tell whether a config is among what it may call."""
        return any(grant.kind == kind and grant.config_id == config_id for grant in self.grants)

    def variables(self) -> Iterator[tuple[str, str]]:
        """Yield the environment variables that say how to call what it was created with."""
        for name, grant in self.own.items():
            yield name, grant.token
            if grant.kind == "gateway":
                yield f"{name}_URL", self.door.url
        if any(grant.kind == "mcp" for grant in self.own.values()):
            yield _MCP_URL, self.mcp_url


class Gateways:
    """All that devboxes of this server may call.

    :param policies: that some devboxes are held to.
    """

    def __init__(
        self,
        store: Store,
        records: Records,
        clock: Clock,
        secrets: Secrets,
        engine: Engine,
        policies: NetworkPolicies,
    ) -> None:
        self.configs = GatewayConfigs(store, records.gateway_configs, clock, secrets)
        self.mcp_configs = McpConfigs(store, records.mcp_configs, clock, secrets)
        self._secrets = secrets
        self._policies = policies
        self._desk = Desk(self.configs, self.mcp_configs, secrets)
        self._private = Capability.PRIVATE_PORTS in engine.capabilities
        self._access: dict[str, Access] = {}
        self._opening = asyncio.Lock()

    # With the devbox

    def launched(self, launch: Launch, params: Mapping[str, Any]) -> tuple[Launch, Access]:
        """Return what a devbox is launched with, with what it may call, which is then to be admitted.

        :param params: `gateways` and `mcp`, as the API has them.
        :raises ApiError: 400 if one of them cannot be.
        """
        _check_names(params)
        own = {**self._gateways(params.get("gateways") or {}), **self._mcp(params.get("mcp") or {})}
        values = [self._secrets.value(grant.secret_id) or "" for grant in own.values()]
        access = self._new(own, launch)
        tokens = [grant.token for grant in own.values()]
        launched = replace(
            launch,
            environment={**launch.environment, **dict(access.variables())},
            secrets=(*launch.secrets, *values, *tokens),
            gateways=access.gateways(),
            mcp=access.mcp(),
        )
        return launched, access

    def _gateways(self, specs: Mapping[str, Mapping[str, str]]) -> dict[str, Grant]:
        return {name: self._gateway_grant(spec, f"gateways.{name}.") for name, spec in specs.items()}

    def _mcp(self, specs: Mapping[str, Mapping[str, str]]) -> dict[str, Grant]:
        return {name: self._mcp_grant(spec, f"mcp.{name}.") for name, spec in specs.items()}

    def _gateway_grant(self, spec: Mapping[str, str], where: str = "") -> Grant:
        config = self.configs.usable(spec["gateway"], f"{where}gateway")
        return new_grant("gateway", config.id, self._secrets.usable(spec["secret"], f"{where}secret").id)

    def _mcp_grant(self, spec: Mapping[str, str], where: str = "") -> Grant:
        config = self.mcp_configs.usable(spec["mcp_config"], f"{where}mcp_config")
        return new_grant("mcp", config.id, self._secrets.usable(spec["secret"], f"{where}secret").id)

    def _new(self, own: dict[str, Grant], launch: Launch) -> Access:
        grants = list(own.values())
        permit = partial(self._policies.refuse_gateway, launch.network_policy_id)
        try:
            door = Door(Reception(self._desk, grants, permit), private=self._private)
        except OSError as error:
            raise as_api_error(error, "open a port of this machine for gateways") from error
        return Access(door, grants, own)

    def admit(self, life: Life, access: Access) -> None:
        """Let a devbox call what it may, from its boot to its end."""
        identifier = life.devbox.id
        self._access[identifier] = access
        life.on_boot(access.door.open)
        life.on_end(lambda: self._end(identifier))

    def forget_minted(self, life: Life) -> None:
        """Take back what a devbox was not created with."""
        if (access := self._access.get(life.devbox.id)) is not None:
            access.grants[:] = access.own.values()

    def _end(self, identifier: str) -> None:
        access = self._access.pop(identifier, None)
        if access is not None:
            access.grants.clear()
            access.door.close()

    # Later

    async def gateway_token(self, life: Life, spec: Mapping[str, str]) -> GatewayTokenView:
        """Let a running devbox call a service.

        :raises ApiError: 400 if it does not run, or there is no such service or secret.
        """
        box = life.devbox.running_box("create a token for it")
        grant = self._gateway_grant(spec)
        access = await self._granted(life, box, grant)
        config = self.configs.get(grant.config_id)
        return GatewayTokenView(
            token=grant.token,
            url=access.door.url,
            devbox_id=life.devbox.id,
            gateway_config_id=config.id,
            endpoint=config.endpoint,
            auth_mechanism=config.auth_mechanism,
        )

    async def mcp_token(self, life: Life, spec: Mapping[str, str]) -> McpTokenView:
        """Let a running devbox call an MCP server.

        :raises ApiError: 400 if it does not run, or there is no such server or secret.
        """
        box = life.devbox.running_box("create a token for it")
        grant = self._mcp_grant(spec)
        access = await self._granted(life, box, grant)
        config = self.mcp_configs.get(grant.config_id)
        return McpTokenView(
            token=grant.token,
            url=access.mcp_url,
            devbox_id=life.devbox.id,
            mcp_config_id=config.id,
            endpoint=config.endpoint,
            allowed_tools=config.allowed_tools,
        )

    async def _granted(self, life: Life, box: Box, grant: Grant) -> Access:
        async with self._opening:
            if life.devbox.id not in self._access:
                self.admit(life, await self._opened(life, box))
        access = self._access[life.devbox.id]
        access.grants.append(grant)
        return access

    async def _opened(self, life: Life, box: Box) -> Access:
        """Return what a devbox may call that was created without: nothing yet, at a door that is open."""
        access = self._new({}, life.devbox.launch)
        try:
            await _open(access.door, box)
            life.devbox.running_box("create a token for it")
        except BaseException as error:
            access.door.close()
            if isinstance(error, ENGINE_ERRORS):
                raise as_api_error(error, "open a port of the devbox") from error
            raise
        return access

    # Configs

    def refuse_use(self, kind: Kind, identifier: str) -> None:
        """Refuse a config that living devboxes of this server may call.

        :raises ApiError: 404 if there is none with this id, 400 if it is in use.
        """
        configs = self.configs if kind == "gateway" else self.mcp_configs
        view = configs.get(identifier)
        using = [devbox for devbox, access in self._access.items() if access.is_for(kind, identifier)]
        if using:
            shut = f"shut {'it' if len(using) == 1 else 'them'} down first"
            message = f"the {configs.what} `{view.name}` is in use by {', '.join(using)}: {shut}"
            raise ApiError(400, "in_use", message)

    async def close(self) -> None:
        """End the connections to other servers."""
        await self._desk.close()


async def _open(door: Door, box: Box) -> None:
    """Open a door in a box in which services may have ports already."""
    for left in reversed(range(_TRIES)):
        try:
            await door.open(box)
            return
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not left:
                raise
            door.move()


def _check_names(params: Mapping[str, Any]) -> None:
    """Refuse variables that cannot be, and those that something else sets too.

    :raises ApiError: 400, naming the field.
    """
    taken = dict.fromkeys(params.get("environment_variables") or {}, "environment_variables")
    taken |= dict.fromkeys(params.get("secrets") or {}, "secrets")
    for name in params.get("mcp") or {}:
        _take(name, "mcp", taken)
    if params.get("mcp"):
        _take(_MCP_URL, "mcp", taken)
    for name in params.get("gateways") or {}:
        _take(name, "gateways", taken)
        _take(f"{name}_URL", "gateways", taken)


def _take(name: str, field: str, taken: dict[str, str]) -> None:
    check_environment({name: ""}, field)
    if name == "PATH":
        raise invalid(f"`{field}`: PATH cannot be the name of a token")
    if name in taken:
        raise invalid(f"`{field}`: the variable `{name}` is set by `{taken[name]}` too: take another name")
    taken[name] = field
