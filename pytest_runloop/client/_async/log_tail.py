"""A devbox's log while it is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from ...contract.endpoints import devboxes
from ...contract.views.devboxes import DevboxLog
from ..answers import told_error, view_of
from ..errors import RequestInfo, hide_from_traceback
from ..sse import EventParser
from .transport import AsyncTransport

__tracebackhide__ = hide_from_traceback


async def async_log_lines(
    transport: AsyncTransport, path: Mapping[str, str], values: Mapping[str, Any]
) -> AsyncIterator[DevboxLog]:
    """Yield what is in the log, and then what comes, until the devbox ends.

    :param transport: the client's.
    :param path: the devbox's id.
    :param values: whose lines, and the options of the request.
    :raises APIError: if the log cannot be had, or the connection breaks; nothing is repeated.
    """
    endpoint = devboxes.TAIL_LOGS
    info = RequestInfo(endpoint.verb, transport.settings.base_url + endpoint.path.format_map(path))
    parser = EventParser()
    async with transport.opened(endpoint, path, values) as incoming:
        async for data in incoming:
            for event in parser.feed(data):
                if event.name == "error":
                    raise told_error(event.data, info, transport.settings)
                yield view_of(DevboxLog, event.data, info)
