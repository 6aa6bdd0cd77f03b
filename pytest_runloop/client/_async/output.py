"""A command's output as it comes, whole and once, over as many connections as it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from ...contract.endpoint import Endpoint
from ...contract.endpoints import executions
from ...contract.views.executions import ExecutionUpdateChunk
from ..answers import told_error, view_of
from ..concurrency import AsyncStep
from ..errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    RequestInfo,
    hide_from_traceback,
)
from ..sse import Event, EventParser
from .resuming import AsyncResuming
from .transport import AsyncTransport

__tracebackhide__ = hide_from_traceback

_STREAMS: Final[dict[str, Endpoint[ExecutionUpdateChunk]]] = {
    "stdout": executions.STREAM_STDOUT_UPDATES,
    "stderr": executions.STREAM_STDERR_UPDATES,
}


class AsyncOutputStream:
    """One of the two outputs of a command.

    The service counts each piece's offset to its end, so a resumed stream asks for the last piece's
    offset. A piece that a broken connection cut has not been counted, and comes again whole.

    :param transport: the client's.
    :param stream: `stdout` or `stderr`.
    :param path: the devbox's and the execution's ids.
    :param options: options for each request.
    """

    def __init__(
        self,
        transport: AsyncTransport,
        stream: str,
        path: Mapping[str, str],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._transport = transport
        self._endpoint = _STREAMS[stream]
        self._path = path
        self._options = dict(options or {})
        self._offset: int | None = None
        self._resuming = AsyncResuming(transport.retries)

    async def follow(self, take: AsyncStep[str, None], stopped: Callable[[], bool]) -> None:
        """Hand on the output, piece by piece, from its beginning until the command's end.

        :param take: gets each piece.
        :param stopped: tells, after each arrival, whether to stop here.
        :raises APIError: if it cannot be had.
        """
        while True:
            start = time.monotonic()
            try:
                await self._connection(take, stopped)
                return
            except APIError as error:
                if stopped():
                    return
                await self._resuming.bear(error, time.monotonic() - start)

    async def _connection(self, take: AsyncStep[str, None], stopped: Callable[[], bool]) -> None:
        parser = EventParser()
        told: APIStatusError | None = None
        async with self._transport.opened(self._endpoint, self._path, self._values()) as incoming:
            async for data in incoming:
                for event in parser.feed(data):
                    if event.name == "error":
                        # Read on to the end, which is near: it leaves the connection in order.
                        told = told or self._told(event)
                    elif told is None:
                        await take(self._counted(event))
                if stopped():
                    return
        if told is not None:
            raise told
        if parser.unfinished:
            raise APIConnectionError("The stream of output was cut.", request=self._info())

    def _values(self) -> dict[str, Any]:
        return self._options if self._offset is None else {**self._options, "offset": str(self._offset)}

    def _counted(self, event: Event) -> str:
        chunk = view_of(ExecutionUpdateChunk, event.data, self._info())
        text = chunk.output or ""
        before = self._offset or 0
        self._offset = before + len(text.encode(errors="replace")) if chunk.offset is None else chunk.offset
        if self._offset > before:
            self._resuming.got_further()
        return text

    def _told(self, event: Event) -> APIStatusError:
        return told_error(event.data, self._info(), self._transport.settings)

    def _info(self) -> RequestInfo:
        url = self._transport.settings.base_url + self._endpoint.path.format_map(self._path)
        return RequestInfo(self._endpoint.verb, url)
