"""The client: where everything begins."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..errors import hide_from_traceback
from ..secret import Secret
from ..settings import settings_from

if TYPE_CHECKING:
    import httpx

    from ...contract.endpoint import Endpoint
    from ..observing import Observer
    from .accounts import AsyncAccounts
    from .agents import AsyncAgentOps
    from .axons import AsyncAxonOps
    from .benchmarks import AsyncBenchmarkOps
    from .blueprints import AsyncBlueprintOps
    from .devboxes import AsyncDevboxOps
    from .gateway_configs import AsyncGatewayConfigOps
    from .keys import AsyncApikeys, AsyncRestrictedKeys
    from .mcp_configs import AsyncMcpConfigOps
    from .network_policies import AsyncNetworkPolicyOps
    from .pty import AsyncPty
    from .repositories import AsyncRepositoryOps
    from .scenarios import AsyncScenarioOps
    from .scorers import AsyncScorerOps
    from .secrets import AsyncSecretOps
    from .snapshots import AsyncSnapshotOps
    from .storage_objects import AsyncStorageObjectOps

__tracebackhide__ = hide_from_traceback

R = TypeVar("R")


class AsyncRunloop:
    """A client of the Runloop API, on Runloop's cloud or on a local backend.

    It opens connections when they are first needed, and closes them at `aclose()`. It is not bound to
    one event loop: each loop that uses it gets connections of its own, which end with the loop.

    :param base_url: where the API is; else `RUNLOOP_BASE_URL`, else Runloop's cloud.
    :param api_key: the key; else `RUNLOOP_API_KEY`.
    :param timeout: how long an answer may take, in seconds; by default 30, and 600 for file transfers.
    :param max_retries: how often a request is repeated that failed for a passing reason.
    :param transport: carries the requests in place of real connections, for tests.
    :param observer: is told of each call when it is over.
    :raises ConfigurationError: if there is no usable key or base URL.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float | None = None,
        max_retries: int = 5,
        transport: httpx.AsyncBaseTransport | None = None,
        observer: Observer | None = None,
    ) -> None:
        secret = Secret(api_key) if api_key is not None else None
        del api_key  # Tracebacks may show what arguments hold.
        # Here, not above: naming the class then costs no import of httpx, which takes longer than the rest.
        from ..pools import AsyncPools
        from ..retries import RetryPolicy
        from .transport import AsyncTransport

        settings = settings_from(base_url, secret, timeout, max_retries)
        pools = AsyncPools(settings, transport)
        self._transport = AsyncTransport(settings, pools, RetryPolicy(max_retries), observer)

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return self._transport.settings.base_url

    @cached_property
    def devbox(self) -> AsyncDevboxOps:
        """Makes and finds devboxes."""
        from .devboxes import AsyncDevboxOps

        return AsyncDevboxOps(self._transport)

    @cached_property
    def blueprint(self) -> AsyncBlueprintOps:
        """Makes and finds blueprints."""
        from .blueprints import AsyncBlueprintOps

        return AsyncBlueprintOps(self._transport)

    @cached_property
    def snapshot(self) -> AsyncSnapshotOps:
        """Finds disk snapshots."""
        from .snapshots import AsyncSnapshotOps

        return AsyncSnapshotOps(self._transport)

    @cached_property
    def secret(self) -> AsyncSecretOps:
        """Makes and finds secrets."""
        from .secrets import AsyncSecretOps

        return AsyncSecretOps(self._transport)

    @cached_property
    def network_policy(self) -> AsyncNetworkPolicyOps:
        """Makes and finds network policies."""
        from .network_policies import AsyncNetworkPolicyOps

        return AsyncNetworkPolicyOps(self._transport)

    @cached_property
    def storage_object(self) -> AsyncStorageObjectOps:
        """Makes and finds storage objects."""
        from .storage_objects import AsyncStorageObjectOps

        return AsyncStorageObjectOps(self._transport)

    @cached_property
    def scenario(self) -> AsyncScenarioOps:
        """Makes and finds scenarios, and their runs."""
        from .scenarios import AsyncScenarioOps

        return AsyncScenarioOps(self._transport)

    @cached_property
    def scorer(self) -> AsyncScorerOps:
        """Makes and finds custom scorers."""
        from .scorers import AsyncScorerOps

        return AsyncScorerOps(self._transport)

    @cached_property
    def benchmark(self) -> AsyncBenchmarkOps:
        """Makes and finds benchmarks, and their runs."""
        from .benchmarks import AsyncBenchmarkOps

        return AsyncBenchmarkOps(self._transport)

    @cached_property
    def agent(self) -> AsyncAgentOps:
        """Makes and finds agents."""
        from .agents import AsyncAgentOps

        return AsyncAgentOps(self._transport)

    @cached_property
    def axon(self) -> AsyncAxonOps:
        """Makes and finds axons."""
        from .axons import AsyncAxonOps

        return AsyncAxonOps(self._transport)

    @cached_property
    def repository(self) -> AsyncRepositoryOps:
        """Makes and finds repositories."""
        from .repositories import AsyncRepositoryOps

        return AsyncRepositoryOps(self._transport)

    @cached_property
    def accounts(self) -> AsyncAccounts:
        """Tells whose key this is."""
        from .accounts import AsyncAccounts

        return AsyncAccounts(self._transport)

    @cached_property
    def apikeys(self) -> AsyncApikeys:
        """Makes keys that may do everything."""
        from .keys import AsyncApikeys

        return AsyncApikeys(self._transport)

    @cached_property
    def restricted_keys(self) -> AsyncRestrictedKeys:
        """Makes keys that may do some things only."""
        from .keys import AsyncRestrictedKeys

        return AsyncRestrictedKeys(self._transport)

    @cached_property
    def gateway_config(self) -> AsyncGatewayConfigOps:
        """Makes and finds gateway configs."""
        from .gateway_configs import AsyncGatewayConfigOps

        return AsyncGatewayConfigOps(self._transport)

    @cached_property
    def mcp_config(self) -> AsyncMcpConfigOps:
        """Makes and finds MCP configs."""
        from .mcp_configs import AsyncMcpConfigOps

        return AsyncMcpConfigOps(self._transport)

    @cached_property
    def pty(self) -> AsyncPty:
        """Makes and steers terminals of a devbox, for a client of its PTY tunnel."""
        from .pty import AsyncPty

        return AsyncPty(self._transport)

    async def call(self, endpoint: Endpoint[R], path: Mapping[str, str] | None = None, /, **params: Any) -> R:
        """Carry out any call of the API, also where an object offers it in another form.

        :param endpoint: one of `pytest_runloop.contract.endpoints`.
        :param path: the parameters in its path.
        :param params: its other parameters, and the options of a request.
        :raises APIError: if it fails for good.
        """
        return await self._transport.call(endpoint, path or {}, params)

    async def aclose(self) -> None:
        """Close the connections. Devboxes live on."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"
