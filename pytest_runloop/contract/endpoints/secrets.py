"""Secrets, by name and (service of 2026) by id."""

from __future__ import annotations

from ..endpoint import Json, Page, get, post
from ..params import secrets as params
from ..views.secrets import SecretListView, SecretView

_SECRET = Json(view=SecretView)

CREATE = post("/v1/secrets", _SECRET, params.SecretCreateParams)
LIST = get("/v1/secrets", Page(view=SecretListView, items="secrets"), params.SecretListParams)
RETRIEVE = get("/v1/secrets/{name}", _SECRET)
UPDATE = post("/v1/secrets/{name}", _SECRET, params.SecretUpdateParams)
DELETE = post("/v1/secrets/{name}/delete", _SECRET)
RETRIEVE_BY_ID = get("/v1/secrets/id/{id}", _SECRET)
UPDATE_BY_ID = post("/v1/secrets/id/{id}/update", _SECRET, params.SecretUpdateByIDParams)
DELETE_BY_ID = post("/v1/secrets/id/{id}/delete", _SECRET)
