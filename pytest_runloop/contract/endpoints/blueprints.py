"""Blueprints: prepared images that devboxes start from."""

from __future__ import annotations

from ..endpoint import Empty, Json, Page, get, post
from ..params import blueprints as params
from ..views.blueprints import (
    BlueprintBuildLogsListView,
    BlueprintListView,
    BlueprintPreviewView,
    BlueprintView,
)

_BLUEPRINTS = Page(view=BlueprintListView, items="blueprints")

CREATE = post("/v1/blueprints", Json(view=BlueprintView), params.BlueprintCreateParams)
PREVIEW = post("/v1/blueprints/preview", Json(view=BlueprintPreviewView), params.BlueprintPreviewParams)
CREATE_FROM_INSPECTION = post(
    "/v1/blueprints/create_from_inspection",
    Json(view=BlueprintView),
    params.BlueprintCreateFromInspectionParams,
)
LIST = get("/v1/blueprints", _BLUEPRINTS, params.BlueprintListParams)
LIST_PUBLIC = get("/v1/blueprints/list_public", _BLUEPRINTS, params.BlueprintListPublicParams)
RETRIEVE = get("/v1/blueprints/{id}", Json(view=BlueprintView))
LOGS = get("/v1/blueprints/{id}/logs", Json(view=BlueprintBuildLogsListView))
DELETE = post("/v1/blueprints/{id}/delete", Empty())
