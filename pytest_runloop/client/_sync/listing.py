# Generated from ../_async/listing.py by scripts/unasync.py: change that file, and run the script.
"""Lists of handles, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..errors import hide_from_traceback
from ..pages import Fetched, Items, cursor_after
from .transport import Transport

if TYPE_CHECKING:
    from ...contract.endpoint import Endpoint

__tracebackhide__ = hide_from_traceback

V = TypeVar("V")


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


H = TypeVar("H", bound=_HasId)


def listed(
    transport: Transport,
    endpoint: Endpoint[V],
    path: Mapping[str, str],
    params: Mapping[str, Any],
    handles: Callable[[V], list[H]],
) -> Items[H]:
    """Return what a call lists; nothing is asked of the service before somebody looks.

    :param transport: the client's.
    :param endpoint: the call.
    :param path: the path parameters.
    :param params: the other parameters, and the options of each request; with `limit` one page is all.
    :param handles: makes the handles of a page.
    """

    def fetch(after: str | None) -> Fetched[H]:
        values = {**params, "starting_after": after} if after else params
        view = transport.call(endpoint, path, values)
        found = handles(view)
        return found, cursor_after(view, found, "limit" in params)

    return Items(fetch)
