"""Views of scenarios and their runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from ..params.scenarios import ScenarioRunState, ValidationType
from .base import ListView, View
from .launch import LaunchParameters
from .scorers import ScenarioEnvironment, ScoringContract, ScoringContractResultView

DefinitionStatus = Literal["active", "archived"]


class RunProfile(View):
    """What a run has beside what its scenario says."""

    model_config = ConfigDict(populate_by_name=True)

    env_vars: dict[str, str] | None = Field(default=None, alias="envVars")
    launch_parameters: LaunchParameters | None = Field(default=None, alias="launchParameters")
    mounts: list[dict[str, Any]] | None = None
    purpose: str | None = None
    secrets: dict[str, str] | None = None


class InputContext(View):
    """The task."""

    problem_statement: str
    additional_context: Any = None


class ScenarioView(View):
    """A scenario: a task, the devbox to do it in, and what scores it."""

    id: str
    input_context: InputContext
    metadata: dict[str, str] = Field(default_factory=dict)
    name: str
    scoring_contract: ScoringContract
    environment: ScenarioEnvironment | None = None
    is_public: bool | None = None
    reference_output: str | None = None
    required_environment_variables: list[str] | None = None
    required_secret_names: list[str] | None = None
    scorer_timeout_sec: int | None = None
    status: DefinitionStatus | str | None = None
    """Archived ones are not listed, and cannot be changed (service of 2026)."""
    validation_type: ValidationType | str | None = None


class ScenarioDefinitionListView(ListView):
    """A page of scenarios."""

    scenarios: list[ScenarioView]


class ScenarioRunView(View):
    """One run of a scenario, in a devbox of its own."""

    id: str
    devbox_id: str
    metadata: dict[str, str] = Field(default_factory=dict)
    scenario_id: str
    state: ScenarioRunState | str
    benchmark_run_id: str | None = None
    duration_ms: int | None = None
    environment_variables: dict[str, str] | None = None
    name: str | None = None
    purpose: str | None = None
    scoring_contract_result: ScoringContractResultView | None = None
    secrets_provided: dict[str, str] | None = None
    """Environment variable to the name of a secret."""
    start_time_ms: int | None = None


class ScenarioRunListView(ListView):
    """A page of runs of scenarios."""

    runs: list[ScenarioRunView]
