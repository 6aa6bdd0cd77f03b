"""Making and finding agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...contract.endpoints import agents
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import AsyncItems
from .agent import AsyncAgent
from .listing import async_listed
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.endpoint import Endpoint
    from ...contract.params.calls import SDKAgentCreateParams, SDKAgentListParams, SDKAgentListPublicParams
    from ...contract.params.options import BaseRequestOptions
    from ...contract.views.agents import AgentDevboxCountsView, AgentListView

__tracebackhide__ = hide_from_traceback


class AsyncAgentOps:
    """Makes and finds agents; `runloop.agent`. The service has them until its version of October 2026.

    :param transport: the client's.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, **params: Unpack[SDKAgentCreateParams]) -> AsyncAgent:
        """Make an agent.

        :param params: `name`, `source`, and if wanted `version`.
        """
        view = await self._transport.call(agents.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/agents"))
        return AsyncAgent(self._transport, view.id)

    async def create_from_npm(
        self,
        *,
        package_name: str,
        npm_version: str | None = None,
        registry_url: str | None = None,
        agent_setup: Sequence[str] | None = None,
        **params: Unpack[SDKAgentCreateParams],
    ) -> AsyncAgent:
        """Make an agent of a package of npm.

        :param npm_version: a version or range, for the service until 2026; later ones take `version`.
        :param registry_url: where the package is, if not in npm's own registry.
        :param agent_setup: commands that run after the installation.
        :raises ValueError: if there is a `source` too.
        """
        about = {"npm_version": npm_version, "registry_url": registry_url, "agent_setup": agent_setup}
        return await self.create(**_with_source(params, "npm", {"package_name": package_name}, about))

    async def create_from_pip(
        self,
        *,
        package_name: str,
        pip_version: str | None = None,
        registry_url: str | None = None,
        agent_setup: Sequence[str] | None = None,
        **params: Unpack[SDKAgentCreateParams],
    ) -> AsyncAgent:
        """Make an agent of a package for pip.

        :param pip_version: a version or constraint, for the service until 2026; later ones take `version`.
        :param registry_url: an index that has the package, if not PyPI.
        :param agent_setup: commands that run after the installation.
        :raises ValueError: if there is a `source` too.
        """
        about = {"pip_version": pip_version, "registry_url": registry_url, "agent_setup": agent_setup}
        return await self.create(**_with_source(params, "pip", {"package_name": package_name}, about))

    async def create_from_git(
        self,
        *,
        repository: str,
        ref: str | None = None,
        agent_setup: Sequence[str] | None = None,
        **params: Unpack[SDKAgentCreateParams],
    ) -> AsyncAgent:
        """Make an agent of a git repository.

        :param repository: its address.
        :param ref: a branch, tag or commit.
        :param agent_setup: commands that run in it after it is cloned.
        :raises ValueError: if there is a `source` too.
        """
        about = {"ref": ref, "agent_setup": agent_setup}
        return await self.create(**_with_source(params, "git", {"repository": repository}, about))

    async def create_from_object(
        self,
        *,
        object_id: str,
        agent_setup: Sequence[str] | None = None,
        **params: Unpack[SDKAgentCreateParams],
    ) -> AsyncAgent:
        """Make an agent of a storage object.

        :param agent_setup: commands that run in it after it is unpacked.
        :raises ValueError: if there is a `source` too.
        """
        about = {"agent_setup": agent_setup}
        return await self.create(**_with_source(params, "object", {"object_id": object_id}, about))

    def from_id(self, agent_id: str) -> AsyncAgent:
        """Return the handle of an agent. Nothing is asked of the service, so it may not exist."""
        return AsyncAgent(self._transport, agent_id)

    def list(self, **params: Unpack[SDKAgentListParams]) -> AsyncItems[AsyncAgent]:
        """Return the agents, newest first; further pages are fetched on the way.

        :param params: `name` (a part of it), `search` (that, or the id), `version` and `is_public` for those
            that fit, `limit` for at most so many.
        """
        return self._listed(agents.LIST, params)

    def list_public(self, **params: Unpack[SDKAgentListPublicParams]) -> AsyncItems[AsyncAgent]:
        """Return the agents that everybody may mount; as `list`."""
        return self._listed(agents.LIST_PUBLIC, params)

    async def devbox_counts(self, **options: Unpack[BaseRequestOptions]) -> AgentDevboxCountsView:
        """Return how many devboxes have which agent mounted."""
        return await self._transport.call(agents.DEVBOX_COUNTS, {}, options)

    def _listed(self, endpoint: Endpoint[AgentListView], params: Mapping[str, Any]) -> AsyncItems[AsyncAgent]:
        return async_listed(
            self._transport,
            endpoint,
            {},
            params,
            lambda view: [AsyncAgent(self._transport, item.id) for item in view.agents or []],
        )


def _with_source(params: Mapping[str, Any], kind: str, needed: Any, about: Mapping[str, Any]) -> Any:
    if "source" in params:
        raise ValueError(f"create_from_{kind}() makes the `source` itself: leave it out, or use create()")
    given = {name: value for name, value in about.items() if value is not None}
    return {**params, "source": {"type": kind, kind: {**needed, **given}}}
