"""Repositories, and what was found in them (service of 2025)."""

from __future__ import annotations

from ..endpoint import Empty, Json, Page, get, post
from ..params import repositories as params
from ..views.repositories import (
    RepositoryConnectionListView,
    RepositoryConnectionView,
    RepositoryInspectionDetails,
    RepositoryInspectionListView,
)

_REPOSITORY = Json(view=RepositoryConnectionView)
_INSPECTION = Json(view=RepositoryInspectionDetails)
_PAGE = Page(view=RepositoryConnectionListView, items="repositories")

CREATE = post("/v1/repositories", _REPOSITORY, params.RepositoryCreateParams)
LIST = get("/v1/repositories", _PAGE, params.RepositoryListParams)
RETRIEVE = get("/v1/repositories/{id}", _REPOSITORY)
DELETE = post("/v1/repositories/{id}/delete", Empty())
INSPECT = post("/v1/repositories/{id}/inspect", _INSPECTION, params.RepositoryInspectParams)
REFRESH = post("/v1/repositories/{id}/refresh", Empty(), params.RepositoryRefreshParams)
LIST_INSPECTIONS = get("/v1/repositories/{id}/inspections", Json(view=RepositoryInspectionListView))
RETRIEVE_INSPECTION = get("/v1/repositories/inspections/{id}", _INSPECTION)
