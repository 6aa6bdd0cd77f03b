"""Views of how a server puts credentials into requests that it passes on. None has a credential."""

from __future__ import annotations

from ..params.credentials import AuthType
from .base import View


class AuthMechanismView(View):
    """Where the credential goes."""

    type: AuthType | str
    key: str | None = None


class CustomHeaderView(View):
    """A further header. Of a secret there is the id."""

    name: str
    secret: str | None = None
    value: str | None = None
