"""Parameters of the calls on benchmark jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Required

from pydantic import Discriminator
from typing_extensions import TypedDict

from ._strict import strict
from .devboxes import Limit

BenchmarkJobState = Literal[
    "initializing", "queued", "running", "completed", "failed", "cancelled", "timeout"
]


@strict
class JobAgentEnvironment(TypedDict, total=False):
    """What an agent of a job finds in its environment."""

    environment_variables: Mapping[str, str] | None
    secrets: Mapping[str, str] | None
    """Environment variable to the id of the secret whose value it gets."""


@strict
class JobAgentConfig(TypedDict, total=False):
    """An agent of a job, and how it is run."""

    name: Required[str]
    type: Required[Literal["job_agent"]]
    agent_environment: JobAgentEnvironment | None
    agent_id: str | None
    """Else the agent of this name."""
    kwargs: Mapping[str, str] | None
    model_name: str | None
    timeout_seconds: float | None


@strict
class JobOrchestratorConfig(TypedDict, total=False):
    """How the runs of a job are carried out."""

    n_attempts: int | None
    """How often a scenario that failed is tried again; 0 by default."""
    n_concurrent_trials: int | None
    """How many scenarios run at once; 1 by default."""
    quiet: bool | None
    timeout_multiplier: float | None
    """By how much each further try may take longer."""


@strict
class HarborJobSpec(TypedDict, total=False):
    """A job as Harbor describes it."""

    inline_yaml: Required[str]
    type: Required[Literal["harbor"]]


@strict
class BenchmarkDefinitionJobSpec(TypedDict, total=False):
    """A job of all scenarios of a benchmark."""

    agent_configs: Required[Sequence[JobAgentConfig]]
    """One at least."""
    benchmark_id: Required[str]
    type: Required[Literal["benchmark"]]
    orchestrator_config: JobOrchestratorConfig | None


@strict
class ScenarioDefinitionJobSpec(TypedDict, total=False):
    """A job of some scenarios."""

    agent_configs: Required[Sequence[JobAgentConfig]]
    """One at least."""
    scenario_ids: Required[Sequence[str]]
    type: Required[Literal["scenarios"]]
    orchestrator_config: JobOrchestratorConfig | None


BenchmarkJobSpec = Annotated[
    HarborJobSpec | BenchmarkDefinitionJobSpec | ScenarioDefinitionJobSpec, Discriminator("type")
]


@strict
class BenchmarkJobCreateParams(TypedDict, total=False):
    """A new job: agents that are to work on scenarios, and to be scored."""

    name: str | None
    """Else one is made of what it runs."""
    spec: BenchmarkJobSpec | None


@strict
class BenchmarkJobListParams(TypedDict, total=False):
    """Which jobs to list, newest first."""

    include_total_count: bool
    limit: Limit
    name: str
    starting_after: str
