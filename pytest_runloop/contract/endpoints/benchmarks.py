"""Benchmarks and their runs (the service had them until October 2026).

The calls on runs have two paths: that of 2025, and that of 2026.
"""

from __future__ import annotations

from ..endpoint import Binary, Json, Page, get, post
from ..params import benchmarks as params
from ..views.benchmarks import BenchmarkListView, BenchmarkRunListView, BenchmarkRunView, BenchmarkView
from ..views.scenarios import ScenarioDefinitionListView, ScenarioRunListView

_BENCHMARK = Json(view=BenchmarkView)
_BENCHMARKS = Page(view=BenchmarkListView, items="benchmarks")
_RUN = Json(view=BenchmarkRunView)
_RUNS = Page(view=BenchmarkRunListView, items="runs")
_SCENARIO_RUNS = Page(view=ScenarioRunListView, items="runs")
_ZIP = Binary(accept="application/zip")

CREATE = post("/v1/benchmarks", _BENCHMARK, params.BenchmarkCreateParams)
LIST = get("/v1/benchmarks", _BENCHMARKS, params.BenchmarkListParams)
LIST_PUBLIC = get("/v1/benchmarks/list_public", _BENCHMARKS, params.BenchmarkListPublicParams)
RETRIEVE = get("/v1/benchmarks/{id}", _BENCHMARK)
UPDATE = post("/v1/benchmarks/{id}", _BENCHMARK, params.BenchmarkUpdateParams)
UPDATE_SCENARIOS = post("/v1/benchmarks/{id}/scenarios", _BENCHMARK, params.BenchmarkUpdateScenariosParams)
ARCHIVE = post("/v1/benchmarks/{id}/archive", _BENCHMARK)
UNARCHIVE = post("/v1/benchmarks/{id}/unarchive", _BENCHMARK)
DEFINITIONS = get(
    "/v1/benchmarks/{id}/definitions",
    Page(view=ScenarioDefinitionListView, items="scenarios"),
    params.BenchmarkDefinitionsParams,
)
START_RUN = post("/v1/benchmarks/start_run", _RUN, params.BenchmarkStartRunParams)
LIST_RUNS_OF_ONE = get("/v1/benchmarks/{id}/runs", _RUNS, params.BenchmarkRunsParams)

LIST_RUNS = get("/v1/benchmark_runs", _RUNS, params.BenchmarkRunListParams)
RETRIEVE_RUN = get("/v1/benchmark_runs/{id}", _RUN)
CANCEL_RUN = post("/v1/benchmark_runs/{id}/cancel", _RUN)
COMPLETE_RUN = post("/v1/benchmark_runs/{id}/complete", _RUN)
DOWNLOAD_RUN_LOGS = post("/v1/benchmark_runs/{id}/download_logs", _ZIP)
LIST_SCENARIO_RUNS = get(
    "/v1/benchmark_runs/{id}/scenario_runs", _SCENARIO_RUNS, params.BenchmarkRunListScenarioRunsParams
)

LIST_RUNS_2025 = get("/v1/benchmarks/runs", _RUNS, params.BenchmarkRunListParams)
RETRIEVE_RUN_2025 = get("/v1/benchmarks/runs/{id}", _RUN)
CANCEL_RUN_2025 = post("/v1/benchmarks/runs/{id}/cancel", _RUN)
COMPLETE_RUN_2025 = post("/v1/benchmarks/runs/{id}/complete", _RUN)
DOWNLOAD_RUN_LOGS_2025 = post("/v1/benchmarks/runs/{id}/download_logs", _ZIP)
LIST_SCENARIO_RUNS_2025 = get(
    "/v1/benchmarks/runs/{id}/scenario_runs", _SCENARIO_RUNS, params.BenchmarkRunListScenarioRunsParams
)
