"""Views of benchmark jobs. Times are milliseconds."""

from __future__ import annotations

from typing import Literal

from ..params.benchmark_jobs import BenchmarkJobState
from ..params.benchmarks import BenchmarkRunState
from .base import ListView, View

OutcomeState = Literal["COMPLETED", "FAILED", "TIMEOUT", "CANCELED"]


class JobFailureReason(View):
    """Why a scenario of a job failed."""

    exception_type: str
    exception_message: str


class ScenarioOutcomeView(View):
    """What became of one scenario of a job."""

    scenario_definition_id: str
    scenario_name: str
    state: OutcomeState | str
    duration_ms: int | None = None
    failure_reason: JobFailureReason | None = None
    scenario_run_id: str | None = None
    """Missing if it failed before there was a run."""
    score: float | None = None


class BenchmarkOutcomeView(View):
    """What became of the run of one agent of a job."""

    benchmark_run_id: str
    agent_name: str
    n_completed: int
    n_failed: int
    n_timeout: int
    scenario_outcomes: list[ScenarioOutcomeView]
    average_score: float | None = None
    duration_ms: int | None = None
    model_name: str | None = None


class JobAgentEnvironment(View):
    """What an agent of a job finds in its environment."""

    environment_variables: dict[str, str] | None = None
    secrets: dict[str, str] | None = None


class JobAgentConfig(View):
    """Who works: an agent of the job, or one outside of the service, of which `info` tells."""

    type: Literal["job_agent", "external_api"] | str
    agent_environment: JobAgentEnvironment | None = None
    agent_id: str | None = None
    info: str | None = None
    kwargs: dict[str, str] | None = None
    model_name: str | None = None
    name: str | None = None
    timeout_seconds: float | None = None


class InProgressRunView(View):
    """A run of a job that is not over."""

    benchmark_run_id: str
    start_time_ms: int
    state: BenchmarkRunState | str
    agent_config: JobAgentConfig | None = None
    duration_ms: int | None = None


class JobSource(View):
    """What a job was made of: Harbor's text, a benchmark, or scenarios."""

    type: Literal["harbor", "benchmark", "scenarios"] | str
    benchmark_id: str | None = None
    benchmark_name: str | None = None
    inline_yaml: str | None = None
    scenario_ids: list[str] | None = None


class JobOrchestratorConfig(View):
    """How the runs of a job are carried out."""

    n_attempts: int | None = None
    n_concurrent_trials: int | None = None
    quiet: bool | None = None
    timeout_multiplier: float | None = None


class JobSpec(View):
    """What a job runs."""

    agent_configs: list[JobAgentConfig]
    scenario_ids: list[str]
    orchestrator_config: JobOrchestratorConfig | None = None


class BenchmarkJobView(View):
    """A job: agents that work on scenarios and are scored, all of it on the service's side."""

    id: str
    name: str
    create_time_ms: int
    state: BenchmarkJobState | str
    benchmark_outcomes: list[BenchmarkOutcomeView] | None = None
    failure_reason: str | None = None
    in_progress_runs: list[InProgressRunView] | None = None
    job_source: JobSource | None = None
    job_spec: JobSpec | None = None


class BenchmarkJobListView(ListView):
    """A page of jobs."""

    jobs: list[BenchmarkJobView]
