"""Parameters of the benchmark calls, and of the calls on their runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from ._strict import strict
from .devboxes import Limit
from .scenarios import RunProfile, ScenarioRunState

BenchmarkRunState = Literal["running", "canceled", "completed", "failed"]


@strict
class _BenchmarkParams(TypedDict, total=False):
    attribution: str | None
    description: str | None
    metadata: Mapping[str, str] | None
    required_environment_variables: Sequence[str] | None
    """Variables without which a run is not started."""
    required_secret_names: Sequence[str] | None
    """Secrets without which a run is not started."""
    scenario_ids: Sequence[str] | None


@strict
class BenchmarkCreateParams(_BenchmarkParams, total=False):
    """A new benchmark: scenarios under a name."""

    name: Required[str]
    """Unique in the account."""


@strict
class BenchmarkUpdateParams(_BenchmarkParams, total=False):
    """What is to be different of a benchmark. What is `None` stays; what is given replaces the old."""

    name: str | None


@strict
class BenchmarkUpdateScenariosParams(TypedDict, total=False):
    """Which scenarios to put into a benchmark, and which to take out of it."""

    scenarios_to_add: Sequence[str] | None
    scenarios_to_remove: Sequence[str] | None


@strict
class BenchmarkListPublicParams(TypedDict, total=False):
    """Which public benchmarks to list, newest first."""

    include_total_count: bool
    limit: Limit
    name: str
    search: str
    """The id, or a part of the name."""
    starting_after: str


BenchmarkListParams = BenchmarkListPublicParams


@strict
class BenchmarkDefinitionsParams(TypedDict, total=False):
    """How many scenarios of a benchmark to list."""

    limit: Limit
    starting_after: str


@strict
class BenchmarkStartRunBaseParams(TypedDict, total=False):
    """How to begin a run of a benchmark that is given otherwise."""

    metadata: Mapping[str, str] | None
    run_name: str | None
    run_profile: Annotated[RunProfile | None, Field(alias="runProfile")]
    """For the devboxes of all its scenarios."""


@strict
class BenchmarkStartRunParams(BenchmarkStartRunBaseParams, total=False):
    """How to begin a run of a benchmark. Its scenarios are started one by one, as runs of theirs."""

    benchmark_id: Required[str]


@strict
class BenchmarkRunsParams(TypedDict, total=False):
    """How many runs of one benchmark to list, newest first."""

    include_total_count: bool
    limit: Limit
    starting_after: str


@strict
class BenchmarkRunListParams(BenchmarkRunsParams, total=False):
    """Which runs of benchmarks to list, newest first."""

    benchmark_id: str
    name: str
    search: str
    """The id, or a part of the name."""
    state: BenchmarkRunState


@strict
class BenchmarkRunListScenarioRunsParams(BenchmarkRunsParams, total=False):
    """Which runs of scenarios that belong to a benchmark's run to list, newest first."""

    search: str
    """The id, or a part of the name."""
    state: ScenarioRunState
