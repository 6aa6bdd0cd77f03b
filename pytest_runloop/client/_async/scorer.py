"""One custom scorer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import scorers
from ..errors import hide_from_traceback
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKScorerUpdateParams, SDKScorerValidateParams
    from ...contract.params.options import BaseRequestOptions
    from ...contract.views.scorers import ScorerValidateResponse, ScorerView

__tracebackhide__ = hide_from_traceback


class AsyncScorer:
    """A bash script under a name, with which scenarios can be scored.

    :param transport: the client's.
    :param scorer_id: its id.
    """

    def __init__(self, transport: AsyncTransport, scorer_id: str) -> None:
        self._transport = transport
        self._id = scorer_id
        self._path = {"id": scorer_id}

    @property
    def id(self) -> str:
        """The scorer's id."""
        return self._id

    async def get_info(self, **options: Unpack[BaseRequestOptions]) -> ScorerView:
        """Return what the service says about it."""
        return await self._transport.call(scorers.RETRIEVE, self._path, options)

    async def update(self, **params: Unpack[SDKScorerUpdateParams]) -> ScorerView:
        """Give it another `type` and `bash_script`; both have to be given."""
        return await self._transport.call(scorers.UPDATE, self._path, params)

    async def validate(self, **params: Unpack[SDKScorerValidateParams]) -> ScorerValidateResponse:
        """Try it in a devbox of its own, and return what it made of the context.

        :param params: `scoring_context`, any JSON, and if wanted `environment_parameters` of the devbox.
        """
        return await self._transport.call(scorers.VALIDATE, self._path, params)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
