"""Axons (service of 2026): streams of events, each with a database."""

from __future__ import annotations

from ..endpoint import Empty, EventStream, Json, Lane, Page, delete, get, post
from ..params import axons as params
from ..views.axons import (
    AxonEventListView,
    AxonEventView,
    AxonListView,
    AxonView,
    PublishResultView,
    SqlBatchResultView,
    SqlQueryResultView,
)

_AXON = Json(view=AxonView)
_WIRE = {"metadata_key": "metadata[key]", "metadata_key_in": "metadata[key][in]"}

CREATE = post("/v1/axons", _AXON, params.AxonCreateParams)
LIST = get("/v1/axons", Page(view=AxonListView, items="axons"), params.AxonListParams, wire=_WIRE)
RETRIEVE = get("/v1/axons/{id}", _AXON)
UPDATE = post("/v1/axons/{id}", _AXON, params.AxonUpdateParams)
DELETE = delete("/v1/axons/{id}", Empty())
LIST_EVENTS = get(
    "/v1/axons/{id}/events", Page(view=AxonEventListView, items="events"), params.EventListParams
)
PUBLISH = post("/v1/axons/{id}/publish", Json(view=PublishResultView), params.AxonPublishParams)
SQL_QUERY = post("/v1/axons/{id}/sql/query", Json(view=SqlQueryResultView), params.SqlQueryParams)
SQL_BATCH = post("/v1/axons/{id}/sql/batch", Json(view=SqlBatchResultView), params.SqlBatchParams)
SUBSCRIBE_SSE = get(
    "/v1/axons/{id}/subscribe/sse",
    EventStream(view=AxonEventView),
    params.AxonSubscribeSseParams,
    lane=Lane.BACKGROUND,
)
