"""What the methods of the client's objects take: the parameters of a call with the options of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typing_extensions import TypedDict

from .agents import AgentCreateParams, AgentListParams, AgentListPublicParams
from .axons import (
    AxonCreateParams,
    AxonListParams,
    AxonPublishParams,
    AxonSubscribeSseParams,
    AxonUpdateParams,
    EventListParams,
    SqlBatchParams,
    SqlQueryParams,
)
from .benchmark_jobs import BenchmarkJobCreateParams, BenchmarkJobListParams
from .benchmarks import (
    BenchmarkCreateParams,
    BenchmarkDefinitionsParams,
    BenchmarkListParams,
    BenchmarkListPublicParams,
    BenchmarkRunListParams,
    BenchmarkRunListScenarioRunsParams,
    BenchmarkRunsParams,
    BenchmarkStartRunBaseParams,
    BenchmarkUpdateParams,
)
from .blueprints import (
    BlueprintCreateFromInspectionParams,
    BlueprintCreateParams,
    BlueprintListParams,
    BlueprintPreviewParams,
)
from .devboxes import (
    DevboxBaseCreateParams,
    DevboxCreateParams,
    DevboxDownloadFileParams,
    DevboxListParams,
    DevboxLogsListParams,
    DevboxReadFileContentsParams,
    DevboxShutdownParams,
    DevboxSnapshotDiskParams,
    DevboxUpdateParams,
    DevboxUploadFileParams,
    DevboxWriteFileContentsParams,
)
from .executions import DevboxExecuteOptions, ExecutionKillParams
from .gateway_configs import (
    DevboxCreateGatewayTokenParams,
    GatewayConfigCreateParams,
    GatewayConfigListParams,
    GatewayConfigUpdateParams,
)
from .keys import ApikeyCreateParams, RestrictedKeyCreateParams
from .mcp_configs import (
    DevboxCreateMcpTokenParams,
    McpConfigCreateParams,
    McpConfigListParams,
    McpConfigUpdateParams,
)
from .network_policies import NetworkPolicyCreateParams, NetworkPolicyListParams, NetworkPolicyUpdateParams
from .objects import ObjectCreateParams, ObjectDownloadParams, ObjectListParams, ObjectListPublicParams
from .options import (
    BaseRequestOptions,
    LongPollingRequestOptions,
    LongRequestOptions,
    PollingRequestOptions,
)
from .pty import PtyConnectParams, PtyControlParams
from .repositories import (
    RepositoryCreateParams,
    RepositoryInspectParams,
    RepositoryListParams,
    RepositoryRefreshParams,
)
from .scenarios import (
    ScenarioCreateParams,
    ScenarioListParams,
    ScenarioListPublicParams,
    ScenarioRunListParams,
    ScenarioRunsParams,
    ScenarioStartRunBaseParams,
    ScenarioUpdateParams,
)
from .scorers import ScorerCreateParams, ScorerListParams, ScorerUpdateParams, ScorerValidateParams
from .secrets import SecretListParams
from .snapshots import DiskSnapshotListParams, DiskSnapshotUpdateParams
from .tunnels import DevboxCreateTunnelParams, DevboxEnableTunnelParams, DevboxRemoveTunnelParams

OutputCallback = Callable[[str], Any]
"""Takes a piece of a command's output. It may be a coroutine function where the client is async."""


class ExecuteCallbacks(TypedDict, total=False):
    """Who gets a command's output while it runs. Of one command, one call is made at a time."""

    stdout: OutputCallback | None
    stderr: OutputCallback | None
    output: OutputCallback | None
    """Gets both."""


class SDKDevboxCreateParams(DevboxCreateParams, LongPollingRequestOptions, total=False):
    """How to make a devbox and to wait until it runs."""


class SDKDevboxCreateFromImageParams(DevboxBaseCreateParams, LongPollingRequestOptions, total=False):
    """How to make a devbox whose starting point is given otherwise."""


class SDKDevboxListParams(DevboxListParams, BaseRequestOptions, total=False):
    """Which devboxes to list."""


class SDKDevboxUpdateParams(DevboxUpdateParams, LongRequestOptions, total=False):
    """What to change of a devbox."""


class SDKDevboxShutdownParams(DevboxShutdownParams, LongRequestOptions, total=False):
    """How to end a devbox."""


class SDKDevboxLogsListParams(DevboxLogsListParams, BaseRequestOptions, total=False):
    """Which log lines to list."""


class SDKDevboxExecuteAsyncParams(DevboxExecuteOptions, ExecuteCallbacks, LongRequestOptions, total=False):
    """How to start a command."""


class SDKDevboxExecuteParams(SDKDevboxExecuteAsyncParams, PollingRequestOptions, total=False):
    """How to run a command to its end.

    Here `timeout` is how long the command may run, in seconds, as in `subprocess.run`.
    """

    request_timeout: float | None
    """How long to wait for the answer to a single request, in seconds: what `timeout` is in other calls."""


class SDKExecutionKillParams(ExecutionKillParams, LongRequestOptions, total=False):
    """How to kill a command."""


class SDKDevboxReadFileContentsParams(DevboxReadFileContentsParams, LongRequestOptions, total=False):
    """Which text file to read."""


class SDKDevboxWriteFileContentsParams(DevboxWriteFileContentsParams, LongRequestOptions, total=False):
    """Which text file to write."""


class SDKDevboxDownloadFileParams(DevboxDownloadFileParams, LongRequestOptions, total=False):
    """Which file to read."""


class SDKDevboxUploadFileParams(DevboxUploadFileParams, LongRequestOptions, total=False):
    """Which file to write."""


class SDKDevboxSnapshotDiskParams(DevboxSnapshotDiskParams, LongPollingRequestOptions, total=False):
    """How to take a snapshot and to wait for it."""


class SDKDevboxSnapshotDiskAsyncParams(DevboxSnapshotDiskParams, LongRequestOptions, total=False):
    """How to begin a snapshot."""


class SDKDevboxEnableTunnelParams(DevboxEnableTunnelParams, LongRequestOptions, total=False):
    """How a tunnel behaves."""


class SDKDevboxCreateTunnelParams(DevboxCreateTunnelParams, LongRequestOptions, total=False):
    """The port to make reachable."""


class SDKDevboxRemoveTunnelParams(DevboxRemoveTunnelParams, LongRequestOptions, total=False):
    """What to take back."""


class SDKDiskSnapshotListParams(DiskSnapshotListParams, BaseRequestOptions, total=False):
    """Which snapshots to list."""


class SDKDiskSnapshotUpdateParams(DiskSnapshotUpdateParams, LongRequestOptions, total=False):
    """What to change of a snapshot."""


class SDKBlueprintCreateParams(BlueprintCreateParams, LongPollingRequestOptions, total=False):
    """How to make a blueprint and to wait until it is built."""


class SDKBlueprintPreviewParams(BlueprintPreviewParams, LongRequestOptions, total=False):
    """A blueprint that is only to be looked at."""


class SDKBlueprintCreateFromInspectionParams(
    BlueprintCreateFromInspectionParams, LongPollingRequestOptions, total=False
):
    """How to make a blueprint of a repository and to wait until it is built."""


class SDKBlueprintListParams(BlueprintListParams, BaseRequestOptions, total=False):
    """Which blueprints to list."""


class SDKSecretListParams(SecretListParams, BaseRequestOptions, total=False):
    """How many secrets to list."""


class SDKApikeyCreateParams(ApikeyCreateParams, LongRequestOptions, total=False):
    """A new key that may do everything."""


class SDKRestrictedKeyCreateParams(RestrictedKeyCreateParams, LongRequestOptions, total=False):
    """A new key that may do no more than its scopes say."""


class SDKPtyConnectParams(PtyConnectParams, BaseRequestOptions, total=False):
    """The size of a terminal."""


class SDKPtyControlParams(PtyControlParams, LongRequestOptions, total=False):
    """What to do to a terminal."""


class SDKObjectCreateParams(ObjectCreateParams, LongRequestOptions, total=False):
    """A new storage object."""


class SDKObjectListParams(ObjectListParams, BaseRequestOptions, total=False):
    """Which storage objects to list."""


class SDKObjectListPublicParams(ObjectListPublicParams, BaseRequestOptions, total=False):
    """Which public storage objects to list."""


class SDKObjectDownloadParams(ObjectDownloadParams, BaseRequestOptions, total=False):
    """How to get a storage object's content."""


class SDKNetworkPolicyCreateParams(NetworkPolicyCreateParams, LongRequestOptions, total=False):
    """A new network policy."""


class SDKNetworkPolicyListParams(NetworkPolicyListParams, BaseRequestOptions, total=False):
    """Which network policies to list."""


class SDKNetworkPolicyUpdateParams(NetworkPolicyUpdateParams, LongRequestOptions, total=False):
    """What is to be different of a network policy."""


class SDKScorerCreateParams(ScorerCreateParams, LongRequestOptions, total=False):
    """A new custom scorer."""


class SDKScorerListParams(ScorerListParams, BaseRequestOptions, total=False):
    """Which custom scorers to list."""


class SDKScorerUpdateParams(ScorerUpdateParams, LongRequestOptions, total=False):
    """A custom scorer as it is to be."""


class SDKScorerValidateParams(ScorerValidateParams, LongRequestOptions, total=False):
    """How to try a custom scorer."""


class SDKScenarioCreateParams(ScenarioCreateParams, LongRequestOptions, total=False):
    """A new scenario."""


class SDKScenarioListParams(ScenarioListParams, BaseRequestOptions, total=False):
    """Which scenarios to list."""


class SDKScenarioListPublicParams(ScenarioListPublicParams, BaseRequestOptions, total=False):
    """Which public scenarios to list."""


class SDKScenarioUpdateParams(ScenarioUpdateParams, LongRequestOptions, total=False):
    """What is to be different of a scenario."""


class SDKScenarioRunAsyncParams(ScenarioStartRunBaseParams, LongRequestOptions, total=False):
    """How to begin a run of a scenario."""


class SDKScenarioRunParams(SDKScenarioRunAsyncParams, PollingRequestOptions, total=False):
    """How to begin a run of a scenario, and to wait until its devbox runs."""


class SDKScenarioRunListParams(ScenarioRunListParams, BaseRequestOptions, total=False):
    """Which runs of scenarios to list."""


class SDKScenarioRunsParams(ScenarioRunsParams, BaseRequestOptions, total=False):
    """How many runs of a scenario to list."""


class SDKBenchmarkCreateParams(BenchmarkCreateParams, LongRequestOptions, total=False):
    """A new benchmark."""


class SDKBenchmarkListParams(BenchmarkListParams, BaseRequestOptions, total=False):
    """Which benchmarks to list."""


class SDKBenchmarkListPublicParams(BenchmarkListPublicParams, BaseRequestOptions, total=False):
    """Which public benchmarks to list."""


class SDKBenchmarkUpdateParams(BenchmarkUpdateParams, LongRequestOptions, total=False):
    """What is to be different of a benchmark."""


class SDKBenchmarkDefinitionsParams(BenchmarkDefinitionsParams, BaseRequestOptions, total=False):
    """How many scenarios of a benchmark to list."""


class SDKBenchmarkStartRunParams(BenchmarkStartRunBaseParams, LongRequestOptions, total=False):
    """How to begin a run of a benchmark."""


class SDKBenchmarkRunListParams(BenchmarkRunListParams, BaseRequestOptions, total=False):
    """Which runs of benchmarks to list."""


class SDKBenchmarkListRunsParams(BenchmarkRunsParams, BaseRequestOptions, total=False):
    """How many runs of a benchmark to list."""


class SDKBenchmarkRunListScenarioRunsParams(
    BenchmarkRunListScenarioRunsParams, BaseRequestOptions, total=False
):
    """Which runs of scenarios of a benchmark's run to list."""


class SDKBenchmarkJobCreateParams(BenchmarkJobCreateParams, LongRequestOptions, total=False):
    """A new benchmark job."""


class SDKBenchmarkJobListParams(BenchmarkJobListParams, BaseRequestOptions, total=False):
    """Which benchmark jobs to list."""


class SDKAgentCreateParams(AgentCreateParams, LongRequestOptions, total=False):
    """A new agent."""


class SDKAgentListParams(AgentListParams, BaseRequestOptions, total=False):
    """Which agents to list."""


class SDKAgentListPublicParams(AgentListPublicParams, BaseRequestOptions, total=False):
    """Which public agents to list."""


class SDKRepositoryCreateParams(RepositoryCreateParams, LongRequestOptions, total=False):
    """A repository to know by an id."""


class SDKRepositoryListParams(RepositoryListParams, BaseRequestOptions, total=False):
    """Which repositories to list."""


class SDKRepositoryInspectParams(RepositoryInspectParams, LongPollingRequestOptions, total=False):
    """How to inspect a repository and to wait for the outcome."""


class SDKRepositoryRefreshParams(RepositoryRefreshParams, LongRequestOptions, total=False):
    """What is new about a repository."""


class SDKAxonCreateParams(AxonCreateParams, LongRequestOptions, total=False):
    """A new axon."""


class SDKAxonListParams(AxonListParams, BaseRequestOptions, total=False):
    """Which axons to list."""


class SDKAxonUpdateParams(AxonUpdateParams, LongRequestOptions, total=False):
    """What to change of an axon."""


class SDKAxonEventListParams(EventListParams, BaseRequestOptions, total=False):
    """Which events of an axon to list."""


class SDKAxonPublishParams(AxonPublishParams, LongRequestOptions, total=False):
    """A new event."""


class SDKAxonSubscribeSseParams(AxonSubscribeSseParams, BaseRequestOptions, total=False):
    """Where to begin in an axon's events."""


class SDKAxonSqlQueryParams(SqlQueryParams, LongRequestOptions, total=False):
    """One statement for an axon's database."""


class SDKAxonSqlBatchParams(SqlBatchParams, LongRequestOptions, total=False):
    """Statements for an axon's database that are carried out together."""


class SDKGatewayConfigCreateParams(GatewayConfigCreateParams, LongRequestOptions, total=False):
    """A service that devboxes may call without having its credential."""


class SDKGatewayConfigListParams(GatewayConfigListParams, BaseRequestOptions, total=False):
    """Which gateways to list."""


class SDKGatewayConfigUpdateParams(GatewayConfigUpdateParams, LongRequestOptions, total=False):
    """What changes of a gateway."""


class SDKDevboxCreateGatewayTokenParams(DevboxCreateGatewayTokenParams, LongRequestOptions, total=False):
    """The service that a devbox may call."""


class SDKMcpConfigCreateParams(McpConfigCreateParams, LongRequestOptions, total=False):
    """An MCP server whose tools devboxes may call without having its credential."""


class SDKMcpConfigListParams(McpConfigListParams, BaseRequestOptions, total=False):
    """Which MCP servers to list."""


class SDKMcpConfigUpdateParams(McpConfigUpdateParams, LongRequestOptions, total=False):
    """What changes of an MCP server."""


class SDKDevboxCreateMcpTokenParams(DevboxCreateMcpTokenParams, LongRequestOptions, total=False):
    """The MCP server that a devbox may call."""
