"""All axons of the state directory.

state_dir/axons/ID.sqlite3   an axon's events and tables
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...contract.views.axons import AxonView
from ..clock import Clock
from ..errors import invalid, shutting_down
from ..ids import new_id
from ..records import AxonRecord, Records
from ..settings import Settings
from ..store import Store
from ..tasks import Tasks
from .channel import Channel
from .database import Database, EventPage, create, discard
from .failures import SQLITE_ERRORS, deleted, told
from .stream import EventStream


class Axons:
    """Makes, finds, changes and deletes axons, and opens those that are used.

    :param directory: this server's own, for what is half made.
    """

    def __init__(
        self,
        store: Store,
        records: Records,
        clock: Clock,
        tasks: Tasks,
        settings: Settings,
        state_dir: Path,
        directory: Path,
    ) -> None:
        self._store = store
        self._records = records.axons
        self._clock = clock
        self._tasks = tasks
        self._settings = settings
        self._files = state_dir / "axons"
        self._files.mkdir(mode=0o700, exist_ok=True)
        self._half_made = directory
        self._channels: dict[str, Channel] = {}
        self._closing = threading.Event()
        self._discard_unknown()

    def _discard_unknown(self) -> None:
        """Remove the files of axons that a server deleted, and died."""
        with self._store.transaction():  # Nobody makes one meanwhile.
            kept = {record.id for record in self._records.all() if record.view.deleted_at_ms is None}
            for path in self._files.iterdir():
                if path.name.partition(".")[0] not in kept:
                    path.unlink(missing_ok=True)

    async def create(self, params: Mapping[str, Any]) -> AxonView:
        """Make an axon without events and tables."""
        view = AxonView(
            id=new_id("axn"),
            name=params.get("name"),
            metadata=dict(params.get("metadata") or {}),
            created_at_ms=self._clock.now_ms(),
        )
        path = self._file(view.id)
        made = self._half_made / path.name
        try:
            await asyncio.to_thread(create, made)
            with self._store.transaction():
                made.rename(path)
                self._records.put(AxonRecord(view=view))
        except SQLITE_ERRORS as error:
            raise told(error, made, self._settings.sql_seconds) from error
        finally:
            discard(made)
        return view

    def _file(self, identifier: str) -> Path:
        return self._files / f"{identifier}.sqlite3"

    def get(self, identifier: str) -> AxonView:
        """Return an axon, deleted ones included.

        :raises ApiError: 404 if there is none.
        """
        return self._records.found(identifier, "axon").view

    def matching(self, params: Mapping[str, Any], filters: Mapping[str, list[str]]) -> list[AxonView]:
        """Return the axons that fit, newest first, deleted ones included.

        :param params: `id`, `name` and `search`.
        :param filters: metadata keys, each with the values of which one must be there.
        """
        views = [record.view for record in self._records.all()]
        return [view for view in views if _fits(view, params) and _has(view, filters)]

    def update(self, identifier: str, params: Mapping[str, Any]) -> AxonView:
        """Change what is given, and keep the rest.

        :raises ApiError: 404 if there is no such axon, 409 if it is deleted.
        """
        self._living(identifier)
        with self._records.changing(identifier) as record:
            if (metadata := params.get("metadata")) is not None:
                record.view.metadata = dict(metadata)
        return record.view

    async def delete(self, identifier: str) -> None:
        """Delete the events and tables of an axon, and end its streams. No effect on a deleted one.

        :raises ApiError: 404 if there is none.
        """
        if self.get(identifier).deleted_at_ms is not None:
            return
        with self._records.changing(identifier) as record:
            record.view.deleted_at_ms = record.view.deleted_at_ms or self._clock.now_ms()
        channel = self._channels.pop(identifier, None)
        try:
            if channel is not None:
                await channel.close()
        finally:
            discard(self._file(identifier))

    def _living(self, identifier: str) -> AxonView:
        view = self.get(identifier)
        if view.deleted_at_ms is not None:
            raise deleted(identifier)
        return view

    def channel(self, identifier: str) -> Channel:
        """Return the way to an axon's events and tables.

        :raises ApiError: 404 if there is no such axon, 409 if it is deleted.
        """
        self._living(identifier)
        if self._closing.is_set():
            raise shutting_down()
        if identifier not in self._channels:
            database = Database(self._file(identifier), identifier, self._settings.sql_seconds)
            self._channels[identifier] = Channel(
                database, self._settings, self._clock, self._tasks, self._closing
            )
        return self._channels[identifier]

    async def events(self, identifier: str, params: Mapping[str, Any], limit: int) -> EventPage:
        """Return a page of an axon's events, newest first.

        :raises ApiError: if `starting_after` is no sequence number of this axon; as `channel`.
        """
        channel, after = self.channel(identifier), params.get("starting_after")
        page = None
        if after is None or _is_number(after):
            page = await channel.page(None if after is None else int(after), limit)
        if page is None:
            raise invalid(f"`starting_after`: `{after}` is not the sequence number of an event of this axon")
        return page

    def follow(self, identifier: str, after: int) -> EventStream:
        """Return the events of an axon as they come.

        :param after: the sequence number after which to begin.
        :raises ApiError: as `channel`.
        """

        def lives() -> bool:
            record = self._records.get(identifier)
            return record is not None and record.view.deleted_at_ms is None

        channel = self.channel(identifier)
        return EventStream(channel, after, lives, self._clock, self._settings.stream_keep_alive)

    async def close(self, seconds: float) -> None:
        """End all streams, stop all statements, and close the files.

        :param seconds: how long to wait for that.
        """
        self._closing.set()
        channels = [asyncio.ensure_future(channel.close()) for channel in self._channels.values()]
        self._channels.clear()
        if channels:
            _, late = await asyncio.wait(channels, timeout=seconds)
            for closing in late:
                closing.cancel()


def _fits(view: AxonView, params: Mapping[str, Any]) -> bool:
    search, name = params.get("search"), view.name or ""
    return (
        params.get("id") in (None, view.id)
        and name.startswith(params.get("name", ""))
        and (search is None or search == view.id or search in name)
    )


def _has(view: AxonView, filters: Mapping[str, list[str]]) -> bool:
    return all(view.metadata.get(key) in values for key, values in filters.items())


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
