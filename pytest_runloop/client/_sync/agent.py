# Generated from ../_async/agent.py by scripts/unasync.py: change that file, and run the script.
"""One agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import agents
from ..errors import hide_from_traceback
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.mounts import AgentMountParameters
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.agents import AgentView

__tracebackhide__ = hide_from_traceback


class Agent:
    """An agent, which can be mounted into devboxes.

    :param transport: the client's.
    :param agent_id: its id.
    """

    def __init__(self, transport: Transport, agent_id: str) -> None:
        self._transport = transport
        self._id = agent_id

    @property
    def id(self) -> str:
        """Its id."""
        return self._id

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> AgentView:
        """Return what the service says about it."""
        return self._transport.call(agents.RETRIEVE, {"id": self._id}, options)

    def delete(self, **options: Unpack[LongRequestOptions]) -> None:
        """Delete it. Devboxes that have it keep it."""
        self._transport.call(agents.DELETE, {"id": self._id}, options)

    def as_mount(self, agent_path: str | None = None, auth_token: str | None = None) -> AgentMountParameters:
        """Return one of the `mounts` of a devbox that is to have it.

        :param agent_path: where it goes; needed for those from git and from objects.
        :param auth_token: what opens the repository of one from git.
        """
        mount: AgentMountParameters = {"type": "agent_mount", "agent_id": self._id, "agent_name": None}
        if agent_path is not None:
            mount["agent_path"] = agent_path
        if auth_token is not None:
            mount["auth_token"] = auth_token
        return mount

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
