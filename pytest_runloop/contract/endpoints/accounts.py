"""The account of the key that is used (service of 2026)."""

from __future__ import annotations

from ..endpoint import Json, get
from ..views.accounts import AccountView

ME = get("/v1/accounts/me", Json(view=AccountView))
