# Generated from ../_async/axon.py by scripts/unasync.py: change that file, and run the script.
"""One axon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import axons
from ..errors import hide_from_traceback
from ..pages import Fetched, Items
from .axon_events import AxonEvents
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import (
        SDKAxonEventListParams,
        SDKAxonPublishParams,
        SDKAxonSqlBatchParams,
        SDKAxonSqlQueryParams,
        SDKAxonSubscribeSseParams,
        SDKAxonUpdateParams,
    )
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.axons import (
        AxonEventView,
        AxonView,
        PublishResultView,
        SqlBatchResultView,
        SqlQueryResultView,
    )

__tracebackhide__ = hide_from_traceback


class AxonSqlOps:
    """The SQLite database of an axon; `axon.sql`. Its table `rl_axon_events` has the events, for reading.

    :param transport: the client's.
    :param axon_id: whose database it is.
    """

    def __init__(self, transport: Transport, axon_id: str) -> None:
        self._transport = transport
        self._path = {"id": axon_id}

    def query(self, **params: Unpack[SDKAxonSqlQueryParams]) -> SqlQueryResultView:
        """Carry out a statement.

        :param params: `sql`, and in `params` a value for each `?` in it.
        :return: its `rows`, each a list of values, with their `columns`.
        :raises BadRequestError: if it may not be carried out, or SQLite refuses it, in SQLite's words.
        :raises APIStatusError: with the status 408 if it takes too long.
        :raises ConflictError: if the axon is deleted.
        """
        return self._transport.call(axons.SQL_QUERY, self._path, params)

    def batch(self, **params: Unpack[SDKAxonSqlBatchParams]) -> SqlBatchResultView:
        """Carry out statements as one transaction: if one fails, nothing of them is kept.

        :param params: `statements`, each with `sql` and `params`.
        :return: in `results`, in order, `success` of each statement, or `error` of each.
        :raises APIStatusError: with the status 408 if they take too long.
        :raises ConflictError: if the axon is deleted.
        """
        return self._transport.call(axons.SQL_BATCH, self._path, params)


class Axon:
    """A stream of events with a database. Both outlive devboxes and runs.

    `sql` is the database.

    :param transport: the client's.
    :param axon_id: its id.
    """

    def __init__(self, transport: Transport, axon_id: str) -> None:
        self._transport = transport
        self._id = axon_id
        self._path = {"id": axon_id}
        self.sql = AxonSqlOps(transport, axon_id)

    @property
    def id(self) -> str:
        """Its id."""
        return self._id

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> AxonView:
        """Return what the service says about it; also after its deletion."""
        return self._transport.call(axons.RETRIEVE, self._path, options)

    def update(self, **params: Unpack[SDKAxonUpdateParams]) -> AxonView:
        """Change it.

        :param params: `metadata` in place of all that it has.
        :raises ConflictError: if it is deleted.
        """
        return self._transport.call(axons.UPDATE, self._path, params)

    def publish(self, **params: Unpack[SDKAxonPublishParams]) -> PublishResultView:
        """Add an event, once, however often the request has to be sent.

        :param params: `event_type`, `origin`, `source`, and the `payload` as text.
        :return: its `sequence` number.
        :raises ConflictError: if it is deleted.
        """
        return self._transport.call(axons.PUBLISH, self._path, params)

    def subscribe_sse(self, **params: Unpack[SDKAxonSubscribeSseParams]) -> AxonEvents:
        """Return its events, those that are there and those that come, to walk through until it is deleted.

        :param params: `after_sequence` for the events of higher numbers only.
        :raises APIError: on the walk, if the service does not give the stream again after it broke.
        """
        return AxonEvents(self._transport, self._path, params)

    def list_events(self, **params: Unpack[SDKAxonEventListParams]) -> Items[AxonEventView]:
        """Return the events that are there, newest first.

        :param params: `limit` for at most so many; all pages are fetched without one.
        """

        def fetch(cursor: str | None) -> Fetched[AxonEventView]:
            more = {} if cursor is None else {"starting_after": cursor}
            view = self._transport.call(axons.LIST_EVENTS, self._path, {**params, **more})
            events = view.events or []
            further = bool(events) and "limit" not in params and view.has_more
            return events, str(events[-1].sequence) if further else None

        return Items(fetch)

    def delete(self, **options: Unpack[LongRequestOptions]) -> None:
        """Delete its events and its database. Those who follow its events come to their end."""
        self._transport.call(axons.DELETE, self._path, options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
