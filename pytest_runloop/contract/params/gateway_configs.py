"""Parameters of the calls for gateways (service of 2026)."""

from __future__ import annotations

from typing import Required

from typing_extensions import TypedDict

from ._strict import strict
from .credentials import AuthMechanism, CustomHeaders
from .devboxes import GatewayParameters, Limit


@strict
class GatewayConfigCreateParams(TypedDict, total=False):
    """A service that devboxes may call without having its credential."""

    auth_mechanism: Required[AuthMechanism]
    endpoint: Required[str]
    """Where its requests go: `http:` or `https:`. The path of a request is put behind it."""
    name: Required[str]
    """Unique in the account."""
    custom_headers: CustomHeaders | None
    description: str | None


@strict
class GatewayConfigUpdateParams(TypedDict, total=False):
    """What changes, for devboxes that use it too."""

    auth_mechanism: AuthMechanism | None
    custom_headers: CustomHeaders | None
    description: str | None
    endpoint: str | None
    name: str | None


@strict
class GatewayConfigListParams(TypedDict, total=False):
    """Which gateways to list, newest first."""

    id: str
    include_total_count: bool
    limit: Limit
    name: str
    """A part of it."""
    starting_after: str


DevboxCreateGatewayTokenParams = GatewayParameters
