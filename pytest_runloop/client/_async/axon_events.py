"""An axon's events as they come, each once, over as many connections as it takes."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from ...contract.endpoints import axons
from ...contract.views.axons import AxonEventView
from ..errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    NotFoundError,
    RequestInfo,
    hide_from_traceback,
)
from .events import AsyncEvents, async_events
from .resuming import AsyncResuming
from .transport import AsyncTransport

__tracebackhide__ = hide_from_traceback


class AsyncAxonEvents(AsyncEvents[AxonEventView]):
    """The events that are there and those that come, until the axon is deleted.

    A connection that breaks is made again after the last event that came whole, so that each comes once.

    :param transport: the client's.
    :param path: the axon's id.
    :param params: where to begin, and the options of each request.
    """

    def __init__(self, transport: AsyncTransport, path: Mapping[str, str], params: Mapping[str, Any]) -> None:
        self._transport = transport
        self._path = path
        self._params = dict(params)
        self._resuming = AsyncResuming(transport.retries)
        super().__init__(self._followed())

    async def _followed(self) -> AsyncGenerator[AxonEventView]:
        again = False
        while True:
            start = time.monotonic()
            try:
                received = async_events(self._transport, axons.SUBSCRIBE_SSE, self._path, self._params)
                async with received as incoming:
                    async for event in incoming:
                        self._count(event)
                        yield event
                if await self._is_deleted():
                    return
                failure: APIError = APIConnectionError("The stream of events ended.", request=self._info())
            except APIError as error:
                failure = error
            if again and _says_that_it_is_gone(failure) and await self._is_deleted():
                return
            await self._resuming.bear(failure, time.monotonic() - start)
            again = True

    def _count(self, event: AxonEventView) -> None:
        self._params["after_sequence"] = event.sequence
        self._resuming.got_further()

    async def _is_deleted(self) -> bool:
        try:
            view = await self._transport.call(axons.RETRIEVE, self._path)
        except NotFoundError:
            return True
        return view.deleted_at_ms is not None

    def _info(self) -> RequestInfo:
        url = self._transport.settings.base_url + axons.SUBSCRIBE_SSE.path.format_map(self._path)
        return RequestInfo(axons.SUBSCRIBE_SSE.verb, url)


def _says_that_it_is_gone(failure: APIError) -> bool:
    return isinstance(failure, APIStatusError) and failure.status_code in (404, 409)
