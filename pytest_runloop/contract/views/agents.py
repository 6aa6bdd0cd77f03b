"""Views of agents."""

from __future__ import annotations

from ..params.agents import AgentSourceType
from .base import ListView, View


class NpmSource(View):
    """A package of npm."""

    package_name: str
    agent_setup: list[str] | None = None
    npm_version: str | None = None
    registry_url: str | None = None


class PipSource(View):
    """A package for pip."""

    package_name: str
    agent_setup: list[str] | None = None
    pip_version: str | None = None
    registry_url: str | None = None


class GitSource(View):
    """A git repository."""

    repository: str
    agent_setup: list[str] | None = None
    ref: str | None = None


class ObjectSource(View):
    """A storage object."""

    object_id: str
    agent_setup: list[str] | None = None


class AgentSource(View):
    """Where an agent comes from."""

    type: AgentSourceType | str
    git: GitSource | None = None
    npm: NpmSource | None = None
    object: ObjectSource | None = None
    pip: PipSource | None = None


class AgentView(View):
    """An agent. Times are milliseconds since the epoch."""

    id: str
    name: str
    create_time_ms: int
    is_public: bool
    source: AgentSource | None = None
    version: str | None = None


class AgentListView(ListView):
    """A page of agents."""

    agents: list[AgentView]


class AgentDevboxCountsView(View):
    """How many devboxes have agents mounted."""

    counts: dict[str, int]
    """By the agent's name."""
    total_count: int
