# Generated from ../_async/axons.py by scripts/unasync.py: change that file, and run the script.
"""Making and finding axons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import axons
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import Items
from .axon import Axon
from .listing import listed
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKAxonCreateParams, SDKAxonListParams

__tracebackhide__ = hide_from_traceback


class AxonOps:
    """Makes and finds axons; `runloop.axon`. The service has them since 2026.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, **params: Unpack[SDKAxonCreateParams]) -> Axon:
        """Make an axon without events.

        :param params: if wanted, `name` and `metadata`.
        """
        view = self._transport.call(axons.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/axons"))
        return Axon(self._transport, view.id)

    def from_id(self, axon_id: str) -> Axon:
        """Return the handle of an axon. Nothing is asked of the service."""
        return Axon(self._transport, axon_id)

    def list(self, **params: Unpack[SDKAxonListParams]) -> Items[Axon]:
        """Return axons, newest first, deleted ones too.

        :param params: `id`, `name` (its beginning), `search`, and `limit` for one page.
        """
        return listed(
            self._transport,
            axons.LIST,
            {},
            params,
            lambda view: [Axon(self._transport, item.id) for item in view.axons or []],
        )
