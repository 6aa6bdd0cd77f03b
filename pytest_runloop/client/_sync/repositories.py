# Generated from ../_async/repositories.py by scripts/unasync.py: change that file, and run the script.
"""Making and finding repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import repositories
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import Items
from ..secret import hidden_tokens
from .listing import listed
from .repository import Repository
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKRepositoryCreateParams, SDKRepositoryListParams

__tracebackhide__ = hide_from_traceback


class RepositoryOps:
    """Makes and finds repositories; `runloop.repository`. The service of 2025 has them.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, **params: Unpack[SDKRepositoryCreateParams]) -> Repository:
        """Have the service know a repository by an id.

        :param params: `name` and `owner`, and if wanted `github_auth_token` and `blueprint_id`.
        """
        view = self._transport.call(repositories.CREATE, {}, hidden_tokens(params))
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/repositories"))
        return Repository(self._transport, view.id)

    def from_id(self, repository_id: str) -> Repository:
        """Return the handle of a repository. Nothing is asked of the service, so it may not exist."""
        return Repository(self._transport, repository_id)

    def list(self, **params: Unpack[SDKRepositoryListParams]) -> Items[Repository]:
        """Return the repositories, newest first; further pages are fetched on the way.

        :param params: `name` and `owner` for those that fit, `limit` for at most so many.
        """
        return listed(
            self._transport,
            repositories.LIST,
            {},
            params,
            lambda view: [Repository(self._transport, item.id) for item in view.repositories or []],
        )
