"""Making and finding axons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import axons
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import AsyncItems
from .axon import AsyncAxon
from .listing import async_listed
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKAxonCreateParams, SDKAxonListParams

__tracebackhide__ = hide_from_traceback


class AsyncAxonOps:
    """Makes and finds axons; `runloop.axon`. The service has them since 2026.

    :param transport: the client's.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, **params: Unpack[SDKAxonCreateParams]) -> AsyncAxon:
        """Make an axon without events.

        :param params: if wanted, `name` and `metadata`.
        """
        view = await self._transport.call(axons.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/axons"))
        return AsyncAxon(self._transport, view.id)

    def from_id(self, axon_id: str) -> AsyncAxon:
        """Return the handle of an axon. Nothing is asked of the service."""
        return AsyncAxon(self._transport, axon_id)

    def list(self, **params: Unpack[SDKAxonListParams]) -> AsyncItems[AsyncAxon]:
        """Return axons, newest first, deleted ones too.

        :param params: `id`, `name` (its beginning), `search`, and `limit` for one page.
        """
        return async_listed(
            self._transport,
            axons.LIST,
            {},
            params,
            lambda view: [AsyncAxon(self._transport, item.id) for item in view.axons or []],
        )
