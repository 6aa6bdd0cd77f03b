"""Agents."""

from __future__ import annotations

from collections import Counter

from ...contract.endpoints import agents as endpoints
from ...contract.views.agents import AgentDevboxCountsView, AgentListView, AgentView
from ..backend import Backend
from ..calls import Call
from ..pages import paged
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> AgentView:
    """Keep a new agent."""
    return backend.agents.create(call.params)


@HANDLES(endpoints.LIST)
async def list_agents(backend: Backend, call: Call) -> AgentListView:
    """List agents."""
    page = paged(backend.agents.matching(call.params), call.params)
    return AgentListView(agents=page.items, **page.counts)


@HANDLES(endpoints.LIST_PUBLIC)
async def list_public_agents(backend: Backend, call: Call) -> AgentListView:
    """List public agents: Runloop publishes them, no call does, and so a backend of one's own has none."""
    page = paged(list[AgentView](), call.params)
    return AgentListView(agents=page.items, **page.counts)


@HANDLES(endpoints.DEVBOX_COUNTS)
async def devbox_counts(backend: Backend, call: Call) -> AgentDevboxCountsView:
    """Count the devboxes that each agent was mounted into, ended ones included."""
    names = [{agent.name for agent in devbox.launch.agents} for devbox in backend.devboxes()]
    counts = Counter(name for some in names for name in some)
    return AgentDevboxCountsView(counts=dict(counts), total_count=sum(map(bool, names)))


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> AgentView:
    """Return an agent."""
    return backend.agents.get(call.id)


@HANDLES(endpoints.DELETE)
async def delete(backend: Backend, call: Call) -> None:
    """Delete an agent."""
    backend.agents.delete(call.id)
