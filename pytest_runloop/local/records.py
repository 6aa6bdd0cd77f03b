"""What outlives the server: a record for each kind of it."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from ..contract.views.accounts import AccountView
from ..contract.views.agents import AgentView
from ..contract.views.axons import AxonView
from ..contract.views.benchmarks import BenchmarkRunView, BenchmarkView
from ..contract.views.blueprints import BlueprintBuildLog, BlueprintView
from ..contract.views.devboxes import DevboxLog
from ..contract.views.gateway_configs import GatewayConfigView
from ..contract.views.mcp_configs import McpConfigView
from ..contract.views.network_policies import NetworkPolicyView
from ..contract.views.objects import ObjectView
from ..contract.views.repositories import RepositoryConnectionView, RepositoryInspectionDetails
from ..contract.views.scenarios import ScenarioRunView, ScenarioView
from ..contract.views.scorers import ScorerView
from ..contract.views.secrets import SecretView
from ..contract.views.snapshots import DevboxSnapshotView, SnapshotStatus
from .dockerfile.config import ImageConfig
from .errors import ApiError
from .store import Collection, Record, Store


class Layered(Record):
    """Something that stands on a layer of an engine.

    :param layer: the engine's layer, once there is one.
    :param tier: the engine's tier; layers of one tier cannot be used in another.
    :param server: the server that makes it, to tell what a dead server left unfinished.
    """

    layer: str | None = None
    tier: str
    server: str


class BlueprintRecord(Layered):
    """A blueprint, and the engine's layer that holds its disk.

    :param launch: the launch parameters that its devboxes inherit, those of its base included.
    :param image: the configuration that its Dockerfile ends with, once it is built.
    :param layers: all that it needs: those of its build's steps, for other builds that begin alike.
    """

    view: BlueprintView
    launch: dict[str, Any] = Field(default_factory=dict)
    image: ImageConfig | None = None
    layers: list[str] = Field(default_factory=list)

    @property
    def id(self) -> str:
        """The blueprint's id."""
        return self.view.id


class BuildLogRecord(Record):
    """The log of a blueprint's build."""

    blueprint_id: str
    lines: list[BlueprintBuildLog]

    @property
    def id(self) -> str:
        """The blueprint's id."""
        return self.blueprint_id


class StepRecord(Record):
    """The layer that a step of a build made.

    :param key: of the step.
    :param tier: of the engine whose layer it is.
    """

    key: str
    tier: str
    layer: str

    @property
    def id(self) -> str:
        """The tier and the key."""
        return self.identifier(self.tier, self.key)

    @staticmethod
    def identifier(tier: str, key: str) -> str:
        """Return the id of a step's record."""
        return f"{tier}:{key}"


class SnapshotRecord(Layered):
    """A snapshot, and the engine's layer that holds its disk.

    :param environment: what the Dockerfile of the blueprint below sets.
    """

    view: DevboxSnapshotView
    status: SnapshotStatus = "in_progress"
    error_message: str | None = None
    username: str = "user"
    uid: int | None = None
    environment: dict[str, str] = Field(default_factory=dict)

    @property
    def id(self) -> str:
        """The snapshot's id."""
        return self.view.id


class SecretRecord(Record):
    """A secret with its value, which nothing prints."""

    model_config = ConfigDict(hide_input_in_errors=True)

    view: SecretView
    value: str = Field(repr=False)

    @property
    def id(self) -> str:
        """The secret's id."""
        return self.view.id


class GatewayConfigRecord(Record):
    """A service that devboxes may call."""

    view: GatewayConfigView

    @property
    def id(self) -> str:
        """The config's id."""
        return self.view.id


class McpConfigRecord(Record):
    """An MCP server whose tools devboxes may call."""

    view: McpConfigView

    @property
    def id(self) -> str:
        """The config's id."""
        return self.view.id


class NetworkPolicyRecord(Record):
    """A network policy."""

    view: NetworkPolicyView

    @property
    def id(self) -> str:
        """The policy's id."""
        return self.view.id


class ObjectRecord(Record):
    """A storage object.

    :param server: the server that its content is uploaded to.
    :param until_ms: when the address for that ends to be good.
    :param uploaded: whether its content is there.
    """

    view: ObjectView
    server: str
    until_ms: int
    uploaded: bool = False

    @property
    def id(self) -> str:
        """The object's id."""
        return self.view.id


class ScenarioRecord(Record):
    """A scenario."""

    view: ScenarioView

    @property
    def id(self) -> str:
        """The scenario's id."""
        return self.view.id


class ScenarioRunRecord(Record):
    """A run of a scenario.

    :param scenario: as it was when the run began.
    :param server: the server that its devbox lives in.
    """

    view: ScenarioRunView
    scenario: ScenarioView
    server: str

    @property
    def id(self) -> str:
        """The run's id."""
        return self.view.id


class RunLogRecord(Record):
    """The log of a run's devbox, which has ended."""

    run_id: str
    lines: list[DevboxLog]

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run_id


class ScorerRecord(Record):
    """A custom scorer."""

    view: ScorerView

    @property
    def id(self) -> str:
        """The scorer's id."""
        return self.view.id


class BenchmarkRecord(Record):
    """A benchmark."""

    view: BenchmarkView

    @property
    def id(self) -> str:
        """The benchmark's id."""
        return self.view.id


class BenchmarkRunRecord(Record):
    """A run of a benchmark.

    :param launch_parameters, mounts: what its profile gives to all devboxes, beside what the view has.
    """

    view: BenchmarkRunView
    launch_parameters: dict[str, Any] = Field(default_factory=dict)
    mounts: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.view.id


class AgentRecord(Record):
    """An agent."""

    view: AgentView

    @property
    def id(self) -> str:
        """The agent's id."""
        return self.view.id


class AxonRecord(Record):
    """An axon. Its events are in a file of their own."""

    view: AxonView

    @property
    def id(self) -> str:
        """The axon's id."""
        return self.view.id


class RepositoryRecord(Record):
    """A repository.

    :param token: what opens it, which nothing prints.
    :param blueprint_id: the base of blueprints that are made from its inspections.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    view: RepositoryConnectionView
    token: str | None = Field(default=None, repr=False)
    blueprint_id: str | None = None

    @property
    def id(self) -> str:
        """The repository's id."""
        return self.view.id


class InspectionRecord(Record):
    """An inspection of a repository.

    :param repository_id: of which one.
    :param server: the server that makes it, to tell what a dead server left unfinished.
    """

    view: RepositoryInspectionDetails
    repository_id: str
    server: str

    @property
    def id(self) -> str:
        """The inspection's id."""
        return self.view.id


class AccountRecord(Record):
    """The account. There is one."""

    view: AccountView

    @property
    def id(self) -> str:
        """Always the same, so that there is one."""
        return "account"


class KeyRecord(Record):
    """An API key. Its value is in no record.

    :param digest: of its value.
    :param key_id: what the API calls it by.
    :param scopes: resource type to access level; `None` for everything.
    """

    digest: str
    key_id: str
    name: str | None = None
    scopes: dict[str, str] | None = None
    expires_at_ms: int | None = None

    @property
    def id(self) -> str:
        """The digest: a key is looked for by its value."""
        return self.digest


class Records:
    """All collections of the store: one line for each kind."""

    def __init__(self, store: Store) -> None:
        self.directory = store.directory
        self.blueprints = Collection(store, "blueprint", BlueprintRecord)
        self.build_logs = Collection(store, "build_log", BuildLogRecord)
        self.steps = Collection(store, "step", StepRecord)
        self.snapshots = Collection(store, "snapshot", SnapshotRecord)
        self.secrets = Collection(store, "secret", SecretRecord)
        self.gateway_configs = Collection(store, "gateway_config", GatewayConfigRecord)
        self.mcp_configs = Collection(store, "mcp_config", McpConfigRecord)
        self.network_policies = Collection(store, "network_policy", NetworkPolicyRecord)
        self.objects = Collection(store, "object", ObjectRecord)
        self.scenarios = Collection(store, "scenario", ScenarioRecord)
        self.scenario_runs = Collection(store, "scenario_run", ScenarioRunRecord)
        self.run_logs = Collection(store, "run_log", RunLogRecord)
        self.scorers = Collection(store, "scorer", ScorerRecord)
        self.benchmarks = Collection(store, "benchmark", BenchmarkRecord)
        self.benchmark_runs = Collection(store, "benchmark_run", BenchmarkRunRecord)
        self.agents = Collection(store, "agent", AgentRecord)
        self.axons = Collection(store, "axon", AxonRecord)
        self.repositories = Collection(store, "repository", RepositoryRecord)
        self.inspections = Collection(store, "inspection", InspectionRecord)
        self.account = Collection(store, "account", AccountRecord)
        self.keys = Collection(store, "key", KeyRecord)


def wrong_tier(what: str, record: Layered, tier: str) -> ApiError:
    """Return the error for a layer that this server's engine cannot boot."""
    message = (
        f"{what} was made in the isolation tier `{record.tier}`, and this server runs `{tier}`:"
        f" make it again, or start the server with `--isolation {record.tier}`"
    )
    if record.tier == tier:
        message = f"the files of {what} are gone from the state directory: make it again"
    return ApiError(400, "invalid_request", message)
