"""Parameters of the agent calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Required

from typing_extensions import TypedDict

from ._strict import strict
from .devboxes import Limit

AgentSourceType = Literal["npm", "pip", "git", "object"]


@strict
class NpmSource(TypedDict, total=False):
    """A package of npm."""

    package_name: Required[str]
    agent_setup: Sequence[str] | None
    """Commands that run after the installation."""
    npm_version: str | None
    """A version or range; today's service takes the agent's `version` instead."""
    registry_url: str | None


@strict
class PipSource(TypedDict, total=False):
    """A package for pip."""

    package_name: Required[str]
    agent_setup: Sequence[str] | None
    """Commands that run after the installation."""
    pip_version: str | None
    """A version or constraint; today's service takes the agent's `version` instead."""
    registry_url: str | None
    """An index, as `pip install --index-url` takes it."""


@strict
class GitSource(TypedDict, total=False):
    """A git repository."""

    repository: Required[str]
    """Its address."""
    agent_setup: Sequence[str] | None
    """Commands that run after it is cloned, in it."""
    ref: str | None
    """A branch, tag or commit; by default what the repository has as its head."""


@strict
class ObjectSource(TypedDict, total=False):
    """A storage object."""

    object_id: Required[str]
    agent_setup: Sequence[str] | None
    """Commands that run after it is unpacked, in it."""


@strict
class AgentSource(TypedDict, total=False):
    """Where an agent comes from: `type`, and what goes with it under the key of that name."""

    type: Required[AgentSourceType]
    git: GitSource | None
    npm: NpmSource | None
    object: ObjectSource | None
    pip: PipSource | None


@strict
class AgentCreateParams(TypedDict, total=False):
    """A new agent."""

    name: Required[str]
    """Need not be unique: a mount by name takes the newest."""
    source: AgentSource | None
    version: str | None
    """Of the package, or a branch or tag of the repository (service of 2026)."""


@strict
class AgentListPublicParams(TypedDict, total=False):
    """Which public agents to list, newest first."""

    include_total_count: bool
    limit: Limit
    name: str
    """A part of the name."""
    search: str
    """The id, or a part of the name."""
    starting_after: str
    version: str
    """A version, or `latest` for the newest agent alone."""


@strict
class AgentListParams(AgentListPublicParams, total=False):
    """Which agents to list, newest first."""

    is_public: bool
