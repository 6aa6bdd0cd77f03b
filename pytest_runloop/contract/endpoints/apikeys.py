"""API keys that may do everything (service of 2026)."""

from __future__ import annotations

from ..endpoint import Json, post
from ..params import keys as params
from ..views.keys import APIKeyCreatedView

CREATE = post("/v1/apikeys", Json(view=APIKeyCreatedView), params.ApikeyCreateParams)
