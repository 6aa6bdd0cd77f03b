"""Parameters of the calls for MCP servers (service of 2026)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Required

from typing_extensions import TypedDict

from ._strict import strict
from .credentials import AuthMechanism, CustomHeaders
from .devboxes import Limit, McpParameters


@strict
class McpConfigCreateParams(TypedDict, total=False):
    """An MCP server whose tools devboxes may call without having its credential."""

    allowed_tools: Required[Sequence[str]]
    """Patterns, as `search_*` or `github.search_*`, where `github` is the name up to its first dash."""
    endpoint: Required[str]
    """Where it is: `http:` or `https:`."""
    name: Required[str]
    """Unique in the account."""
    auth_mechanism: AuthMechanism | None
    """`bearer` by default."""
    custom_headers: CustomHeaders | None
    description: str | None


@strict
class McpConfigUpdateParams(TypedDict, total=False):
    """What changes, for devboxes that use it too."""

    allowed_tools: Sequence[str] | None
    auth_mechanism: AuthMechanism | None
    custom_headers: CustomHeaders | None
    description: str | None
    endpoint: str | None
    name: str | None


@strict
class McpConfigListParams(TypedDict, total=False):
    """Which MCP servers to list, newest first."""

    id: str
    include_total_count: bool
    limit: Limit
    name: str
    """Its beginning."""
    starting_after: str


DevboxCreateMcpTokenParams = McpParameters
