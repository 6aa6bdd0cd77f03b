# Generated from ../_async/events.py by scripts/unasync.py: change that file, and run the script.
"""Events of a stream, each a view."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ...contract.endpoint import EventStream
from ..answers import told_error, view_of
from ..errors import RequestInfo, hide_from_traceback
from ..sse import EventParser
from .transport import Transport

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ...contract.endpoint import Endpoint

__tracebackhide__ = hide_from_traceback

V = TypeVar("V", bound="BaseModel")


class Events(Generic[V]):
    """Events as they come. Whoever stops before the end closes it, best with a `with` block.

    :param events: where they come from.
    """

    def __init__(self, events: Generator[V]) -> None:
        self._events = events

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> V:
        return self._events.__next__()

    def close(self) -> None:
        """Follow no longer."""
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def events(
    transport: Transport, endpoint: Endpoint[V], path: Mapping[str, str], values: Mapping[str, Any]
) -> Events[V]:
    """Return the events of a stream as they come, until it ends.

    :param transport: the client's.
    :param path: the path parameters.
    :param values: the other parameters, and the options of the request.
    :raises APIError: on the walk, if there is no such stream, or the connection breaks; nothing is repeated.
    """
    return Events(_received(transport, endpoint, path, values))


def _received(
    transport: Transport, endpoint: Endpoint[V], path: Mapping[str, str], values: Mapping[str, Any]
) -> Generator[V]:
    assert isinstance(endpoint.returns, EventStream)
    info = RequestInfo(endpoint.verb, transport.settings.base_url + endpoint.path.format_map(path))
    parser = EventParser()
    with transport.opened(endpoint, path, values) as incoming:
        for data in incoming:
            for event in parser.feed(data):
                if event.name == "error":
                    raise told_error(event.data, info, transport.settings)
                yield view_of(endpoint.returns.view, event.data, info)
