"""Parameters of the scenario calls, and of the calls on their runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Required

from annotated_types import Ge, Le
from pydantic import Field
from typing_extensions import TypedDict

from ._strict import strict
from .devboxes import Limit
from .launch import LaunchParameters
from .mounts import Mount
from .scorers import ScenarioEnvironmentParam, ScoringContractParam, ScoringContractUpdateParam

ScenarioRunState = Literal["running", "scoring", "scored", "completed", "canceled", "timeout", "failed"]
ValidationType = Literal["UNSPECIFIED", "FORWARD", "REVERSE", "EVALUATION"]
ScorerTimeout = Annotated[int, Ge(1), Le(2**31 - 1)]


@strict
class RunProfile(TypedDict, total=False):
    """What a run has beside what its scenario says."""

    env_vars: Annotated[Mapping[str, str] | None, Field(alias="envVars")]
    """Environment variables of its devbox."""
    launch_parameters: Annotated[LaunchParameters | None, Field(alias="launchParameters")]
    """Over those of the scenario, key by key."""
    mounts: Sequence[Mount] | None
    purpose: str | None
    secrets: Mapping[str, str] | None
    """Environment variable to the name of the secret whose value it gets."""


@strict
class InputContextParam(TypedDict, total=False):
    """The task."""

    problem_statement: Required[str]
    additional_context: Any
    """Any JSON."""


@strict
class InputContextUpdateParam(TypedDict, total=False):
    """What of the task is to be different."""

    additional_context: Any
    problem_statement: str | None


@strict
class ScenarioCreateParams(TypedDict, total=False):
    """A new scenario: a task, the devbox to do it in, and what scores it."""

    input_context: Required[InputContextParam]
    name: Required[str]
    scoring_contract: Required[ScoringContractParam]
    environment_parameters: ScenarioEnvironmentParam | None
    metadata: Mapping[str, str] | None
    reference_output: str | None
    required_environment_variables: Sequence[str] | None
    """Variables without which a run is not started."""
    required_secret_names: Sequence[str] | None
    """Secrets without which a run is not started."""
    scorer_timeout_sec: ScorerTimeout | None
    """How long scoring may take, in seconds; default 1,800 (service of 2026)."""
    validation_type: ValidationType | None


@strict
class ScenarioUpdateParams(TypedDict, total=False):
    """What is to be different of a scenario. What is `None` stays; what is given replaces the old."""

    environment_parameters: ScenarioEnvironmentParam | None
    input_context: InputContextUpdateParam | None
    metadata: Mapping[str, str] | None
    name: str | None
    reference_output: str | None
    required_environment_variables: Sequence[str] | None
    required_secret_names: Sequence[str] | None
    scorer_timeout_sec: ScorerTimeout | None
    scoring_contract: ScoringContractUpdateParam | None
    validation_type: ValidationType | None


@strict
class ScenarioListPublicParams(TypedDict, total=False):
    """Which public scenarios to list, newest first."""

    include_total_count: bool
    limit: Limit
    name: str
    search: str
    """The id, or a part of the name."""
    starting_after: str


@strict
class ScenarioListParams(ScenarioListPublicParams, total=False):
    """Which scenarios to list, newest first."""

    benchmark_id: str
    validation_type: ValidationType


@strict
class ScenarioStartRunBaseParams(TypedDict, total=False):
    """How to begin a run of a scenario that is given otherwise."""

    benchmark_run_id: str | None
    """The run of a benchmark that it is a part of."""
    metadata: Mapping[str, str] | None
    run_name: str | None
    run_profile: Annotated[RunProfile | None, Field(alias="runProfile")]


@strict
class ScenarioStartRunParams(ScenarioStartRunBaseParams, total=False):
    """How to begin a run of a scenario."""

    scenario_id: Required[str]


@strict
class ScenarioRunsParams(TypedDict, total=False):
    """How many runs of one scenario to list, newest first."""

    include_total_count: bool
    limit: Limit
    starting_after: str


@strict
class ScenarioRunListParams(ScenarioRunsParams, total=False):
    """Which runs of scenarios to list, newest first."""

    benchmark_run_id: str
    name: str
    scenario_id: str
    search: str
    """The id, or a part of the name."""
    state: ScenarioRunState
