"""Axons."""

from __future__ import annotations

from ...contract.endpoints import axons as endpoints
from ...contract.views.axons import (
    AxonEventListView,
    AxonListView,
    AxonView,
    PublishResultView,
    SqlBatchResultView,
    SqlQueryResultView,
)
from ..backend import Backend
from ..calls import Call, Chunks
from ..errors import invalid
from ..pages import DEFAULT_LIMIT, paged
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> AxonView:
    """Make an axon."""
    return await backend.axons.create(call.params)


@HANDLES(endpoints.LIST)
async def list_axons(backend: Backend, call: Call) -> AxonListView:
    """List axons, deleted ones included."""
    page = paged(backend.axons.matching(call.params, call.filters), call.params)
    return AxonListView(axons=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> AxonView:
    """Return an axon, deleted ones included."""
    return backend.axons.get(call.id)


@HANDLES(endpoints.UPDATE)
async def update(backend: Backend, call: Call) -> AxonView:
    """Change what is given, and keep the rest."""
    return backend.axons.update(call.id, call.params)


@HANDLES(endpoints.DELETE)
async def delete(backend: Backend, call: Call) -> None:
    """Delete an axon."""
    await backend.axons.delete(call.id)


@HANDLES(endpoints.LIST_EVENTS)
async def list_events(backend: Backend, call: Call) -> AxonEventListView:
    """List events."""
    page = await backend.axons.events(call.id, call.params, call.params.get("limit", DEFAULT_LIMIT))
    return AxonEventListView(
        events=page.events,
        has_more=page.remaining > 0,
        remaining_count=page.remaining,
        total_count=page.total if call.params.get("include_total_count", True) else None,
    )


@HANDLES(endpoints.PUBLISH)
async def publish(backend: Backend, call: Call) -> PublishResultView:
    """Add an event."""
    channel, most = backend.axons.channel(call.id), backend.settings.event_max
    if sum(len(value.encode()) for value in call.params.values()) > most:
        message = f"the event is longer than {most:,} bytes: keep its content in a storage object"
        raise invalid(f"`payload`: {message}, and publish that one's id")
    event = await channel.publish(call.params)
    return PublishResultView(sequence=event.sequence, timestamp_ms=event.timestamp_ms)


@HANDLES(endpoints.SQL_QUERY)
async def sql_query(backend: Backend, call: Call) -> SqlQueryResultView:
    """Carry out a statement."""
    return await backend.axons.channel(call.id).query(call.params)


@HANDLES(endpoints.SQL_BATCH)
async def sql_batch(backend: Backend, call: Call) -> SqlBatchResultView:
    """Carry out statements as one transaction."""
    return await backend.axons.channel(call.id).batch(call.params["statements"])


@HANDLES(endpoints.SUBSCRIBE_SSE)
async def subscribe_sse(backend: Backend, call: Call) -> Chunks:
    """Send the events that are there, and those that come."""
    return backend.axons.follow(call.id, call.params.get("after_sequence", -1))
