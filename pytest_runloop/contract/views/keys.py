"""Views of new API keys. A key's value is in them, and comes back never again."""

from __future__ import annotations

from pydantic import Field

from ..params.keys import ApiAccessLevel, ApiResourceType
from .base import View


class APIKeyCreatedView(View):
    """A new key that may do everything. Times are milliseconds since the epoch."""

    id: str | None = None
    name: str | None = None
    key_secret: str | None = Field(default=None, repr=False)
    """What is sent as `Authorization: Bearer KEY`."""
    expires_at_ms: int | None = None


class ScopeEntryView(View):
    """What a restricted key may do with things of one type."""

    resource_type: ApiResourceType | str | None = None
    access_level: ApiAccessLevel | str | None = None


class RestrictedKeyCreatedView(APIKeyCreatedView):
    """A new key that may do no more than its scopes say."""

    scopes: list[ScopeEntryView] | None = None
