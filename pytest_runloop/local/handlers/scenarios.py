"""Scenarios and their runs."""

from __future__ import annotations

from ...contract.endpoints import scenarios as endpoints
from ...contract.views.scenarios import (
    ScenarioDefinitionListView,
    ScenarioRunListView,
    ScenarioRunView,
    ScenarioView,
)
from ..backend import Backend
from ..calls import Attachment, Call
from ..pages import paged
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> ScenarioView:
    """Keep a new scenario."""
    return backend.evaluation.scenarios.create(call.params)


@HANDLES(endpoints.LIST)
async def list_scenarios(backend: Backend, call: Call) -> ScenarioDefinitionListView:
    """List scenarios."""
    page = paged(backend.evaluation.scenarios.matching(call.params), call.params)
    return ScenarioDefinitionListView(scenarios=page.items, **page.counts)


@HANDLES(endpoints.LIST_PUBLIC)
async def list_public_scenarios(backend: Backend, call: Call) -> ScenarioDefinitionListView:
    """List public scenarios: Runloop publishes them, and so a backend of one's own has none."""
    page = paged(list[ScenarioView](), call.params)
    return ScenarioDefinitionListView(scenarios=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> ScenarioView:
    """Return a scenario, archived ones included."""
    return backend.evaluation.scenarios.get(call.id)


@HANDLES(endpoints.UPDATE)
async def update(backend: Backend, call: Call) -> ScenarioView:
    """Change what is given, and keep the rest."""
    return backend.evaluation.scenarios.update(call.id, call.params)


@HANDLES(endpoints.ARCHIVE)
async def archive(backend: Backend, call: Call) -> ScenarioView:
    """Take a scenario out of the lists."""
    return backend.evaluation.scenarios.mark(call.id, "archived")


@HANDLES(endpoints.UNARCHIVE)
async def unarchive(backend: Backend, call: Call) -> ScenarioView:
    """Put a scenario into the lists again."""
    return backend.evaluation.scenarios.mark(call.id, "active")


@HANDLES(endpoints.START_RUN)
async def start_run(backend: Backend, call: Call) -> ScenarioRunView:
    """Begin a run."""
    return backend.evaluation.start_scenario(call.params)


@HANDLES(endpoints.LIST_RUNS)
async def list_runs(backend: Backend, call: Call) -> ScenarioRunListView:
    """List runs."""
    page = paged(backend.evaluation.scenario_runs.matching(call.params), call.params)
    return ScenarioRunListView(runs=page.items, **page.counts)


@HANDLES(endpoints.LIST_RUNS_OF_ONE)
async def list_runs_of_one(backend: Backend, call: Call) -> ScenarioRunListView:
    """List the runs of one scenario."""
    scenario = backend.evaluation.scenarios.get(call.id)
    wanted = {**call.params, "scenario_id": scenario.id}
    page = paged(backend.evaluation.scenario_runs.matching(wanted), call.params)
    return ScenarioRunListView(runs=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE_RUN)
async def retrieve_run(backend: Backend, call: Call) -> ScenarioRunView:
    """Return a run."""
    return backend.evaluation.scenario_runs.get(call.id)


@HANDLES(endpoints.SCORE_RUN)
async def score_run(backend: Backend, call: Call) -> ScenarioRunView:
    """Begin to score a run."""
    return backend.evaluation.scenario_runs.score(call.id)


@HANDLES(endpoints.COMPLETE_RUN)
async def complete_run(backend: Backend, call: Call) -> ScenarioRunView:
    """End a run with the score that it has."""
    return backend.evaluation.scenario_runs.complete(call.id)


@HANDLES(endpoints.CANCEL_RUN)
async def cancel_run(backend: Backend, call: Call) -> ScenarioRunView:
    """Break off a run."""
    return backend.evaluation.scenario_runs.cancel(call.id)


@HANDLES(endpoints.DOWNLOAD_RUN_LOGS)
async def download_run_logs(backend: Backend, call: Call) -> Attachment:
    """Return the logs of a run as a zip file."""
    return backend.evaluation.scenario_logs(call.id)
