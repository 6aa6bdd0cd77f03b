"""Scenarios and their runs (the service had them until October 2026)."""

from __future__ import annotations

from ..endpoint import Binary, Json, Page, get, post
from ..params import scenarios as params
from ..views.scenarios import ScenarioDefinitionListView, ScenarioRunListView, ScenarioRunView, ScenarioView

_SCENARIO = Json(view=ScenarioView)
_SCENARIOS = Page(view=ScenarioDefinitionListView, items="scenarios")
_RUN = Json(view=ScenarioRunView)
_RUNS = Page(view=ScenarioRunListView, items="runs")

CREATE = post("/v1/scenarios", _SCENARIO, params.ScenarioCreateParams)
LIST = get("/v1/scenarios", _SCENARIOS, params.ScenarioListParams)
LIST_PUBLIC = get("/v1/scenarios/list_public", _SCENARIOS, params.ScenarioListPublicParams)
RETRIEVE = get("/v1/scenarios/{id}", _SCENARIO)
UPDATE = post("/v1/scenarios/{id}", _SCENARIO, params.ScenarioUpdateParams)
ARCHIVE = post("/v1/scenarios/{id}/archive", _SCENARIO)
UNARCHIVE = post("/v1/scenarios/{id}/unarchive", _SCENARIO)
START_RUN = post("/v1/scenarios/start_run", _RUN, params.ScenarioStartRunParams)
LIST_RUNS_OF_ONE = get("/v1/scenarios/{id}/runs", _RUNS, params.ScenarioRunsParams)
LIST_RUNS = get("/v1/scenarios/runs", _RUNS, params.ScenarioRunListParams)
RETRIEVE_RUN = get("/v1/scenarios/runs/{id}", _RUN)
SCORE_RUN = post("/v1/scenarios/runs/{id}/score", _RUN)
COMPLETE_RUN = post("/v1/scenarios/runs/{id}/complete", _RUN)
CANCEL_RUN = post("/v1/scenarios/runs/{id}/cancel", _RUN)
DOWNLOAD_RUN_LOGS = post("/v1/scenarios/runs/{id}/download_logs", Binary(accept="application/zip"))
