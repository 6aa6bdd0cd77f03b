"""Parameters of the calls for network policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Required

from typing_extensions import TypedDict

from ._strict import strict
from .devboxes import Limit


@strict
class NetworkPolicyCreateParams(TypedDict, total=False):
    """A new network policy. Without any rule it allows nothing."""

    name: Required[str]
    """Unique in the account."""
    allow_agent_gateway: bool | None
    """Whether gateways may be reached that put in credentials."""
    allow_all: bool | None
    """Whether everything may be reached; the other rules mean nothing then."""
    allow_devbox_to_devbox: bool | None
    """Whether tunnels of the account's other devboxes may be reached; `allow_all` sets it."""
    allow_mcp_gateway: bool | None
    """Whether MCP servers may be reached through their hub."""
    allowed_hostnames: Sequence[str] | None
    """Names of hosts, as `github.com`; `*.npmjs.org` means all names below `npmjs.org`, not itself."""
    description: str | None


@strict
class NetworkPolicyUpdateParams(TypedDict, total=False):
    """What is to be different of a network policy; the rest stays."""

    allow_agent_gateway: bool | None
    allow_all: bool | None
    allow_devbox_to_devbox: bool | None
    allow_mcp_gateway: bool | None
    allowed_hostnames: Sequence[str] | None
    """In place of all those that it has."""
    description: str | None
    name: str | None


@strict
class NetworkPolicyListParams(TypedDict, total=False):
    """Which network policies to list, newest first."""

    id: str
    include_total_count: bool
    limit: Limit
    """Items a page; default 20, at most 5,000 (the API's rule)."""
    name: str
    """A part of it is enough."""
    search: str
    """An id, or a part of a name."""
    starting_after: str
    """The id of the last item of the previous page."""
