"""Custom scorers of scenarios."""

from __future__ import annotations

from ..endpoint import Json, Page, get, post
from ..params import scorers as params
from ..views.scorers import ScorerListView, ScorerValidateResponse, ScorerView

_SCORER = Json(view=ScorerView)

CREATE = post("/v1/scenarios/scorers", _SCORER, params.ScorerCreateParams)
LIST = get("/v1/scenarios/scorers", Page(view=ScorerListView, items="scorers"), params.ScorerListParams)
RETRIEVE = get("/v1/scenarios/scorers/{id}", _SCORER)
UPDATE = post("/v1/scenarios/scorers/{id}", _SCORER, params.ScorerUpdateParams)
VALIDATE = post(
    "/v1/scenarios/scorers/{id}/validate",
    Json(view=ScorerValidateResponse),
    params.ScorerValidateParams,
    slow=True,
)
