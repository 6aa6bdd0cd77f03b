"""Lists of handles, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..errors import hide_from_traceback
from ..pages import AsyncItems, Fetched, cursor_after
from .transport import AsyncTransport

if TYPE_CHECKING:
    from ...contract.endpoint import Endpoint

__tracebackhide__ = hide_from_traceback

V = TypeVar("V")


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


H = TypeVar("H", bound=_HasId)


def async_listed(
    transport: AsyncTransport,
    endpoint: Endpoint[V],
    path: Mapping[str, str],
    params: Mapping[str, Any],
    handles: Callable[[V], list[H]],
) -> AsyncItems[H]:
    """Return what a call lists; nothing is asked of the service before somebody looks.

    :param transport: the client's.
    :param endpoint: the call.
    :param path: the path parameters.
    :param params: the other parameters, and the options of each request; with `limit` one page is all.
    :param handles: makes the handles of a page.
    """

    async def fetch(after: str | None) -> Fetched[H]:
        values = {**params, "starting_after": after} if after else params
        view = await transport.call(endpoint, path, values)
        found = handles(view)
        return found, cursor_after(view, found, "limit" in params)

    return AsyncItems(fetch)
