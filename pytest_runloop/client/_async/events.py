"""Events of a stream, each a view."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

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


async def async_events(
    transport: AsyncTransport, endpoint: Endpoint[V], path: Mapping[str, str], values: Mapping[str, Any]
) -> AsyncGenerator[V]:
    """Yield the events of a stream as they come, until it ends.

    :param transport: the client's.
    :param path: the path parameters.
    :param values: the other parameters, and the options of the request.
    :raises APIError: if there is no such stream, or the connection breaks; nothing is repeated.
    """
    assert isinstance(endpoint.returns, EventStream)
    info = RequestInfo(endpoint.verb, transport.settings.base_url + endpoint.path.format_map(path))
    parser = EventParser()
    async with transport.opened(endpoint, path, values) as incoming:
        async for data in incoming:
            for event in parser.feed(data):
                if event.name == "error":
                    raise told_error(event.data, info, transport.settings)
                yield view_of(endpoint.returns.view, event.data, info)
