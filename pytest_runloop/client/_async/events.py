"""Events of a stream, each a view."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ...contract.endpoint import EventStream
from ..answers import told_error, view_of
from ..errors import RequestInfo, hide_from_traceback
from ..sse import EventParser
from .transport import AsyncTransport

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ...contract.endpoint import Endpoint

__tracebackhide__ = hide_from_traceback

V = TypeVar("V", bound="BaseModel")


class AsyncEvents(Generic[V]):
    """Events as they come. Whoever stops before the end closes it, best with a `with` block.

    :param events: where they come from.
    """

    def __init__(self, events: AsyncGenerator[V]) -> None:
        self._events = events

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> V:
        return await self._events.__anext__()

    async def aclose(self) -> None:
        """Follow no longer."""
        await self._events.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def async_events(
    transport: AsyncTransport, endpoint: Endpoint[V], path: Mapping[str, str], values: Mapping[str, Any]
) -> AsyncEvents[V]:
    """Return the events of a stream as they come, until it ends.

    :param transport: the client's.
    :param path: the path parameters.
    :param values: the other parameters, and the options of the request.
    :raises APIError: on the walk, if there is no such stream, or the connection breaks; nothing is repeated.
    """
    return AsyncEvents(_received(transport, endpoint, path, values))


async def _received(
    transport: AsyncTransport, endpoint: Endpoint[V], path: Mapping[str, str], values: Mapping[str, Any]
) -> AsyncGenerator[V]:
    assert isinstance(endpoint.returns, EventStream)
    info = RequestInfo(endpoint.verb, transport.settings.base_url + endpoint.path.format_map(path))
    parser = EventParser()
    async with transport.opened(endpoint, path, values) as incoming:
        async for data in incoming:
            for event in parser.feed(data):
                if event.name == "error":
                    raise told_error(event.data, info, transport.settings)
                yield view_of(endpoint.returns.view, event.data, info)
