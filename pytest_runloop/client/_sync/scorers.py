# Generated from ../_async/scorers.py by scripts/unasync.py: change that file, and run the script.
"""Making and finding custom scorers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import scorers
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import Items
from .listing import listed
from .scorer import Scorer
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKScorerCreateParams, SDKScorerListParams

__tracebackhide__ = hide_from_traceback


class ScorerOps:
    """Makes and finds custom scorers; `runloop.scorer`.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, **params: Unpack[SDKScorerCreateParams]) -> Scorer:
        """Keep a new scorer.

        :param params: `type`, the name by which scenarios use it, and `bash_script`, which finds its
            parameters in `$RL_SCORER_CONTEXT` and prints `score=0.5` at its end.
        :raises BadRequestError: if there is one of this type.
        """
        view = self._transport.call(scorers.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/scenarios/scorers"))
        return Scorer(self._transport, view.id)

    def from_id(self, scorer_id: str) -> Scorer:
        """Return the handle of a scorer. Nothing is asked of the service, so it may not exist."""
        return Scorer(self._transport, scorer_id)

    def list(self, **params: Unpack[SDKScorerListParams]) -> Items[Scorer]:
        """Return the scorers, newest first; further pages are fetched on the way.

        :param params: `search` for an id or a part of a type, `limit` for at most so many.
        """
        return listed(
            self._transport,
            scorers.LIST,
            {},
            params,
            lambda view: [Scorer(self._transport, item.id) for item in view.scorers or []],
        )
