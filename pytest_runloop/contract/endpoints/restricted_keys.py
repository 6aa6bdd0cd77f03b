"""API keys that may do some things only (service of 2026)."""

from __future__ import annotations

from ..endpoint import Json, post
from ..params import keys as params
from ..views.keys import RestrictedKeyCreatedView

CREATE = post("/v1/restricted_keys", Json(view=RestrictedKeyCreatedView), params.RestrictedKeyCreateParams)
