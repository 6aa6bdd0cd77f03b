"""Making and finding repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import repositories
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import AsyncItems
from ..secret import hidden_tokens
from .listing import async_listed
from .repository import AsyncRepository
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKRepositoryCreateParams, SDKRepositoryListParams

__tracebackhide__ = hide_from_traceback


class AsyncRepositoryOps:
    """Makes and finds repositories; `runloop.repository`. The service of 2025 has them.

    :param transport: the client's.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, **params: Unpack[SDKRepositoryCreateParams]) -> AsyncRepository:
        """Have the service know a repository by an id.

        :param params: `name` and `owner`, and if wanted `github_auth_token` and `blueprint_id`.
        """
        view = await self._transport.call(repositories.CREATE, {}, hidden_tokens(params))
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/repositories"))
        return AsyncRepository(self._transport, view.id)

    def from_id(self, repository_id: str) -> AsyncRepository:
        """Return the handle of a repository. Nothing is asked of the service, so it may not exist."""
        return AsyncRepository(self._transport, repository_id)

    def list(self, **params: Unpack[SDKRepositoryListParams]) -> AsyncItems[AsyncRepository]:
        """Return the repositories, newest first; further pages are fetched on the way.

        :param params: `name` and `owner` for those that fit, `limit` for at most so many.
        """
        return async_listed(
            self._transport,
            repositories.LIST,
            {},
            params,
            lambda view: [AsyncRepository(self._transport, item.id) for item in view.repositories or []],
        )
