# Generated from ../_async/client.py by scripts/unasync.py: change that file, and run the script.
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
    from .accounts import Accounts
    from .agents import AgentOps
    from .axons import AxonOps
    from .benchmarks import BenchmarkOps
    from .blueprints import BlueprintOps
    from .devboxes import DevboxOps
    from .gateway_configs import GatewayConfigOps
    from .keys import Apikeys, RestrictedKeys
    from .mcp_configs import McpConfigOps
    from .network_policies import NetworkPolicyOps
    from .pty import Pty
    from .repositories import RepositoryOps
    from .scenarios import ScenarioOps
    from .scorers import ScorerOps
    from .secrets import SecretOps
    from .snapshots import SnapshotOps
    from .storage_objects import StorageObjectOps

__tracebackhide__ = hide_from_traceback

R = TypeVar("R")


class Runloop:
    """A client of the Runloop API, on Runloop's cloud or on a local backend.

    It opens connections when they are first needed, and closes them at `close()`. It is not bound to
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
        transport: httpx.BaseTransport | None = None,
        observer: Observer | None = None,
    ) -> None:
        secret = Secret(api_key) if api_key is not None else None
        del api_key  # Tracebacks may show what arguments hold.
        # Here, not above: naming the class then costs no import of httpx, which takes longer than the rest.
        from ..pools import Pools
        from ..retries import RetryPolicy
        from .transport import Transport

        settings = settings_from(base_url, secret, timeout, max_retries)
        pools = Pools(settings, transport)
        self._transport = Transport(settings, pools, RetryPolicy(max_retries), observer)

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return self._transport.settings.base_url

    @cached_property
    def devbox(self) -> DevboxOps:
        """Makes and finds devboxes."""
        from .devboxes import DevboxOps

        return DevboxOps(self._transport)

    @cached_property
    def blueprint(self) -> BlueprintOps:
        """Makes and finds blueprints."""
        from .blueprints import BlueprintOps

        return BlueprintOps(self._transport)

    @cached_property
    def snapshot(self) -> SnapshotOps:
        """Finds disk snapshots."""
        from .snapshots import SnapshotOps

        return SnapshotOps(self._transport)

    @cached_property
    def secret(self) -> SecretOps:
        """Makes and finds secrets."""
        from .secrets import SecretOps

        return SecretOps(self._transport)

    @cached_property
    def network_policy(self) -> NetworkPolicyOps:
        """Makes and finds network policies."""
        from .network_policies import NetworkPolicyOps

        return NetworkPolicyOps(self._transport)

    @cached_property
    def storage_object(self) -> StorageObjectOps:
        """Makes and finds storage objects."""
        from .storage_objects import StorageObjectOps

        return StorageObjectOps(self._transport)

    @cached_property
    def scenario(self) -> ScenarioOps:
        """Makes and finds scenarios, and their runs."""
        from .scenarios import ScenarioOps

        return ScenarioOps(self._transport)

    @cached_property
    def scorer(self) -> ScorerOps:
        """Makes and finds custom scorers."""
        from .scorers import ScorerOps

        return ScorerOps(self._transport)

    @cached_property
    def benchmark(self) -> BenchmarkOps:
        """Makes and finds benchmarks, and their runs."""
        from .benchmarks import BenchmarkOps

        return BenchmarkOps(self._transport)

    @cached_property
    def agent(self) -> AgentOps:
        """Makes and finds agents."""
        from .agents import AgentOps

        return AgentOps(self._transport)

    @cached_property
    def axon(self) -> AxonOps:
        """Makes and finds axons."""
        from .axons import AxonOps

        return AxonOps(self._transport)

    @cached_property
    def repository(self) -> RepositoryOps:
        """Makes and finds repositories."""
        from .repositories import RepositoryOps

        return RepositoryOps(self._transport)

    @cached_property
    def accounts(self) -> Accounts:
        """Tells whose key this is."""
        from .accounts import Accounts

        return Accounts(self._transport)

    @cached_property
    def apikeys(self) -> Apikeys:
        """Makes keys that may do everything."""
        from .keys import Apikeys

        return Apikeys(self._transport)

    @cached_property
    def restricted_keys(self) -> RestrictedKeys:
        """Makes keys that may do some things only."""
        from .keys import RestrictedKeys

        return RestrictedKeys(self._transport)

    @cached_property
    def gateway_config(self) -> GatewayConfigOps:
        """Makes and finds gateway configs."""
        from .gateway_configs import GatewayConfigOps

        return GatewayConfigOps(self._transport)

    @cached_property
    def mcp_config(self) -> McpConfigOps:
        """Makes and finds MCP configs."""
        from .mcp_configs import McpConfigOps

        return McpConfigOps(self._transport)

    @cached_property
    def pty(self) -> Pty:
        """Makes and steers terminals of a devbox, for a client of its PTY tunnel."""
        from .pty import Pty

        return Pty(self._transport)

    def call(self, endpoint: Endpoint[R], path: Mapping[str, str] | None = None, /, **params: Any) -> R:
        """Carry out any call of the API, also where an object offers it in another form.

        :param endpoint: one of `pytest_runloop.contract.endpoints`.
        :param path: the parameters in its path.
        :param params: its other parameters, and the options of a request.
        :raises APIError: if it fails for good.
        """
        return self._transport.call(endpoint, path or {}, params)

    def close(self) -> None:
        """Close the connections. Devboxes live on."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"
