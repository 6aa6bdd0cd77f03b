"""What the local backend does beside the API."""

from __future__ import annotations

from ...contract.endpoints import local_only as endpoints
from ...contract.views.local_only import DevboxResetView
from ..backend import Backend
from ..calls import Call
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.RESET)
async def reset(backend: Backend, call: Call) -> DevboxResetView:
    """Put a devbox back to its starting state, and answer when it runs again."""
    await backend.reset(call.id)
    return DevboxResetView(id=call.id, clean=True)
