"""Parameters of the calls that make API keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Required

from annotated_types import Ge, Le
from typing_extensions import TypedDict

from ._strict import strict

ApiResourceType = Literal[
    "RESOURCE_TYPE_DEVBOXES",
    "RESOURCE_TYPE_BLUEPRINTS",
    "RESOURCE_TYPE_SNAPSHOTS",
    "RESOURCE_TYPE_BENCHMARKS",
    "RESOURCE_TYPE_SCENARIOS",
    "RESOURCE_TYPE_REPO_CONNECTIONS",
    "RESOURCE_TYPE_AGENTS",
    "RESOURCE_TYPE_OBJECTS",
    "RESOURCE_TYPE_ACCOUNT",
]
ApiAccessLevel = Literal["ACCESS_LEVEL_NONE", "ACCESS_LEVEL_READ", "ACCESS_LEVEL_WRITE"]
Milliseconds = Annotated[int, Ge(0), Le(2**63 - 1)]


@strict
class ApikeyCreateParams(TypedDict, total=False):
    """A new key that may do everything (service of 2026)."""

    name: str
    expires_at_ms: Milliseconds | None
    """Milliseconds since the epoch, from which on it is good for nothing; never unless given."""


@strict
class ScopeEntryViewParam(TypedDict, total=False):
    """What a restricted key may do with things of one type."""

    resource_type: Required[ApiResourceType]
    access_level: Required[ApiAccessLevel]
    """`WRITE` includes `READ`."""


@strict
class RestrictedKeyCreateParams(TypedDict, total=False):
    """A new key that may do no more than this (service of 2026)."""

    name: str
    scopes: Required[Sequence[ScopeEntryViewParam]]
    expires_at_ms: Milliseconds | None
    """Milliseconds since the epoch, from which on it is good for nothing; never unless given."""
