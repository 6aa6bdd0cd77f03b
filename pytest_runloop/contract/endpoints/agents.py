"""Agents: packages, repositories and objects under a name, to be mounted into devboxes."""

from __future__ import annotations

from ..endpoint import Empty, Json, Page, get, post
from ..params import agents as params
from ..views.agents import AgentDevboxCountsView, AgentListView, AgentView

_AGENT = Json(view=AgentView)
_PAGE = Page(view=AgentListView, items="agents")

CREATE = post("/v1/agents", _AGENT, params.AgentCreateParams)
LIST = get("/v1/agents", _PAGE, params.AgentListParams)
LIST_PUBLIC = get("/v1/agents/list_public", _PAGE, params.AgentListPublicParams)
DEVBOX_COUNTS = get("/v1/agents/devbox_counts", Json(view=AgentDevboxCountsView))
RETRIEVE = get("/v1/agents/{id}", _AGENT)
DELETE = post("/v1/agents/{id}/delete", Empty())
