"""Custom scorers."""

from __future__ import annotations

from ...contract.endpoints import scorers as endpoints
from ...contract.views.scorers import ScorerListView, ScorerValidateResponse, ScorerView
from ..backend import Backend
from ..calls import Call
from ..pages import paged
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> ScorerView:
    """Keep a new scorer."""
    return backend.evaluation.scorers.create(call.params)


@HANDLES(endpoints.LIST)
async def list_scorers(backend: Backend, call: Call) -> ScorerListView:
    """List scorers."""
    page = paged(backend.evaluation.scorers.matching(call.params), call.params)
    return ScorerListView(scorers=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> ScorerView:
    """Return a scorer."""
    return backend.evaluation.scorers.get(call.id)


@HANDLES(endpoints.UPDATE)
async def update(backend: Backend, call: Call) -> ScorerView:
    """Give a scorer another type and script."""
    return backend.evaluation.scorers.update(call.id, call.params)


@HANDLES(endpoints.VALIDATE)
async def validate(backend: Backend, call: Call) -> ScorerValidateResponse:
    """Try a scorer in a devbox of its own."""
    return await backend.evaluation.trials.run(backend.evaluation.scorers.get(call.id), call.params)
