"""Making and finding custom scorers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import scorers
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import AsyncItems
from .listing import async_listed
from .scorer import AsyncScorer
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKScorerCreateParams, SDKScorerListParams

__tracebackhide__ = hide_from_traceback


class AsyncScorerOps:
    """Makes and finds custom scorers; `runloop.scorer`.

    :param transport: the client's.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, **params: Unpack[SDKScorerCreateParams]) -> AsyncScorer:
        """Keep a new scorer.

        :param params: `type`, the name by which scenarios use it, and `bash_script`, which finds its
            parameters in `$RL_SCORER_CONTEXT` and prints `score=0.5` at its end.
        :raises BadRequestError: if there is one of this type.
        """
        view = await self._transport.call(scorers.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/scenarios/scorers"))
        return AsyncScorer(self._transport, view.id)

    def from_id(self, scorer_id: str) -> AsyncScorer:
        """Return the handle of a scorer. Nothing is asked of the service, so it may not exist."""
        return AsyncScorer(self._transport, scorer_id)

    def list(self, **params: Unpack[SDKScorerListParams]) -> AsyncItems[AsyncScorer]:
        """Return the scorers, newest first; further pages are fetched on the way.

        :param params: `search` for an id or a part of a type, `limit` for at most so many.
        """
        return async_listed(
            self._transport,
            scorers.LIST,
            {},
            params,
            lambda view: [AsyncScorer(self._transport, item.id) for item in view.scorers or []],
        )
