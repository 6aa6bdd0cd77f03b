"""Benchmarks and their runs."""

from __future__ import annotations

from ...contract.endpoints import benchmarks as endpoints
from ...contract.views.benchmarks import (
    BenchmarkListView,
    BenchmarkRunListView,
    BenchmarkRunView,
    BenchmarkView,
)
from ...contract.views.scenarios import ScenarioDefinitionListView, ScenarioRunListView
from ..backend import Backend
from ..calls import Attachment, Call
from ..pages import paged
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> BenchmarkView:
    """Keep a new benchmark."""
    return backend.evaluation.benchmarks.create(call.params)


@HANDLES(endpoints.LIST)
async def list_benchmarks(backend: Backend, call: Call) -> BenchmarkListView:
    """List benchmarks."""
    page = paged(backend.evaluation.benchmarks.matching(call.params), call.params)
    return BenchmarkListView(benchmarks=page.items, **page.counts)


@HANDLES(endpoints.LIST_PUBLIC)
async def list_public_benchmarks(backend: Backend, call: Call) -> BenchmarkListView:
    """List public benchmarks: Runloop publishes them, and so a backend of one's own has none."""
    page = paged(list[BenchmarkView](), call.params)
    return BenchmarkListView(benchmarks=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> BenchmarkView:
    """Return a benchmark, archived ones included."""
    return backend.evaluation.benchmarks.get(call.id)


@HANDLES(endpoints.UPDATE)
async def update(backend: Backend, call: Call) -> BenchmarkView:
    """Change what is given, and keep the rest."""
    return backend.evaluation.benchmarks.update(call.id, call.params)


@HANDLES(endpoints.UPDATE_SCENARIOS)
async def update_scenarios(backend: Backend, call: Call) -> BenchmarkView:
    """Put scenarios into a benchmark, and take others out."""
    return backend.evaluation.benchmarks.update_scenarios(call.id, call.params)


@HANDLES(endpoints.ARCHIVE)
async def archive(backend: Backend, call: Call) -> BenchmarkView:
    """Take a benchmark out of the lists."""
    return backend.evaluation.benchmarks.mark(call.id, "archived")


@HANDLES(endpoints.UNARCHIVE)
async def unarchive(backend: Backend, call: Call) -> BenchmarkView:
    """Put a benchmark into the lists again."""
    return backend.evaluation.benchmarks.mark(call.id, "active")


@HANDLES(endpoints.DEFINITIONS)
async def definitions(backend: Backend, call: Call) -> ScenarioDefinitionListView:
    """List the scenarios of a benchmark."""
    page = paged(backend.evaluation.benchmarks.definitions(call.id), call.params)
    return ScenarioDefinitionListView(scenarios=page.items, **page.counts)


@HANDLES(endpoints.START_RUN)
async def start_run(backend: Backend, call: Call) -> BenchmarkRunView:
    """Begin a run."""
    return backend.evaluation.start_benchmark(call.params)


@HANDLES(endpoints.LIST_RUNS, endpoints.LIST_RUNS_2025)
async def list_runs(backend: Backend, call: Call) -> BenchmarkRunListView:
    """List runs."""
    page = paged(backend.evaluation.benchmark_runs.matching(call.params), call.params)
    return BenchmarkRunListView(runs=page.items, **page.counts)


@HANDLES(endpoints.LIST_RUNS_OF_ONE)
async def list_runs_of_one(backend: Backend, call: Call) -> BenchmarkRunListView:
    """List the runs of one benchmark."""
    benchmark = backend.evaluation.benchmarks.get(call.id)
    wanted = {**call.params, "benchmark_id": benchmark.id}
    page = paged(backend.evaluation.benchmark_runs.matching(wanted), call.params)
    return BenchmarkRunListView(runs=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE_RUN, endpoints.RETRIEVE_RUN_2025)
async def retrieve_run(backend: Backend, call: Call) -> BenchmarkRunView:
    """Return a run."""
    return backend.evaluation.benchmark_runs.get(call.id)


@HANDLES(endpoints.CANCEL_RUN, endpoints.CANCEL_RUN_2025)
async def cancel_run(backend: Backend, call: Call) -> BenchmarkRunView:
    """Break off a run and those of its scenarios."""
    return backend.evaluation.benchmark_runs.cancel(call.id)


@HANDLES(endpoints.COMPLETE_RUN, endpoints.COMPLETE_RUN_2025)
async def complete_run(backend: Backend, call: Call) -> BenchmarkRunView:
    """End a run with the mean of its scenarios' scores."""
    return backend.evaluation.benchmark_runs.complete(call.id)


@HANDLES(endpoints.DOWNLOAD_RUN_LOGS, endpoints.DOWNLOAD_RUN_LOGS_2025)
async def download_run_logs(backend: Backend, call: Call) -> Attachment:
    """Return the logs of a run's scenarios as a zip file."""
    return backend.evaluation.benchmark_logs(call.id)


@HANDLES(endpoints.LIST_SCENARIO_RUNS, endpoints.LIST_SCENARIO_RUNS_2025)
async def list_scenario_runs(backend: Backend, call: Call) -> ScenarioRunListView:
    """List the runs of scenarios that belong to a run."""
    page = paged(backend.evaluation.benchmark_runs.scenario_runs(call.id, call.params), call.params)
    return ScenarioRunListView(runs=page.items, **page.counts)
