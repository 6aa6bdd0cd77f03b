"""Views of benchmarks and their runs."""

from __future__ import annotations

from pydantic import AliasChoices, Field

from ..params.benchmarks import BenchmarkRunState
from .base import ListView, View
from .scenarios import DefinitionStatus


class BenchmarkView(View):
    """A benchmark: scenarios under a name."""

    id: str
    metadata: dict[str, str] = Field(default_factory=dict)
    name: str
    # What callers send is `scenario_ids`, what comes back is `scenarioIds` (the API's spelling).
    scenario_ids: list[str] = Field(
        validation_alias=AliasChoices("scenarioIds", "scenario_ids"), serialization_alias="scenarioIds"
    )
    attribution: str | None = None
    description: str | None = None
    is_public: bool | None = None
    required_environment_variables: list[str] | None = None
    required_secret_names: list[str] | None = None
    status: DefinitionStatus | str | None = None
    """Archived ones are not listed, and cannot be run (service of 2026)."""


class BenchmarkListView(ListView):
    """A page of benchmarks."""

    benchmarks: list[BenchmarkView]


class BenchmarkRunView(View):
    """One run of a benchmark."""

    id: str
    metadata: dict[str, str] = Field(default_factory=dict)
    start_time_ms: int
    state: BenchmarkRunState | str
    benchmark_id: str | None = None
    duration_ms: int | None = None
    environment_variables: dict[str, str] | None = None
    name: str | None = None
    purpose: str | None = None
    score: float | None = None
    """The mean of its scenarios' scores, once it is over."""
    secrets_provided: dict[str, str] | None = None
    """Environment variable to the name of a secret."""


class BenchmarkRunListView(ListView):
    """A page of runs of benchmarks."""

    runs: list[BenchmarkRunView]
