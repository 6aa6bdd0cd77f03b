"""Views of axons (service of 2026): of their events, and of what their databases answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ..params.axons import PublishEventOrigin
from .base import ListView, View

AxonEventOrigin = PublishEventOrigin | Literal["SYSTEM_EVENT"]


class AxonView(View):
    """An axon. Times are milliseconds since the epoch."""

    id: str
    created_at_ms: int
    deleted_at_ms: int | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    name: str | None = None


class AxonListView(ListView):
    """A page of axons."""

    axons: list[AxonView]


class AxonEventView(View):
    """An event. Sequence numbers only grow within an axon."""

    axon_id: str
    event_type: str
    origin: AxonEventOrigin | str
    payload: str
    """JSON, as text."""
    sequence: int
    source: str
    timestamp_ms: int


class AxonEventListView(ListView):
    """A page of events."""

    events: list[AxonEventView]


class PublishResultView(View):
    """Where a published event stands."""

    sequence: int
    timestamp_ms: int


class SqlColumnMetaView(View):
    """A column of a result."""

    name: str
    type: str
    """As it is declared; empty for what is computed."""


class SqlResultMetaView(View):
    """How a statement was carried out."""

    changes: int
    """Rows that it inserted, updated or deleted."""
    duration_ms: float
    rows_read_limit_reached: bool
    """Whether there are more rows than the result has."""


class SqlQueryResultView(View):
    """The result of a statement."""

    columns: list[SqlColumnMetaView]
    meta: SqlResultMetaView
    rows: list[Any]
    """Each a list of values, in the order of the columns."""


class SqlStepErrorView(View):
    """Why a statement of a batch was not carried out."""

    message: str


class SqlStepResultView(View):
    """What became of a statement of a batch: one of the two."""

    error: SqlStepErrorView | None = None
    success: SqlQueryResultView | None = None


class SqlBatchResultView(View):
    """What became of a batch: its statements, in order."""

    results: list[SqlStepResultView]
