"""Snapshots of disks: taking, finding, changing and deleting them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ..contract.views.snapshots import DevboxSnapshotAsyncStatusView, DevboxSnapshotView
from .clock import Clock
from .engine.protocol import Engine
from .errors import ENGINE_ERRORS, ApiError, as_api_error, invalid, is_full_disk
from .events import Moment
from .ids import new_id
from .life import Life
from .records import Records, SnapshotRecord, wrong_tier
from .space import advice
from .tasks import Tasks

_MESSAGE_MAX = 1000
"""Characters of a commit message (the API's rule)."""


class Snapshots:
    """All snapshots of the state directory.

    :param server: the id of this server, noted in what it is taking.
    """

    def __init__(self, records: Records, engine: Engine, clock: Clock, tasks: Tasks, server: str) -> None:
        self._records = records
        self._engine = engine
        self._clock = clock
        self._tasks = tasks
        self._server = server

    def abandon(self, living: set[str]) -> None:
        """Mark what dead servers left in progress as failed."""
        for record in self._records.snapshots.all():
            if record.status == "in_progress" and record.server not in living:
                record.status = "error"
                record.error_message = "the server that took the snapshot ended before it was complete"
                self._records.snapshots.put(record)

    def take(self, life: Life, params: Mapping[str, Any]) -> tuple[SnapshotRecord, asyncio.Task[None]]:
        """Begin a snapshot of a running or suspended devbox.

        :param params: `name`, `commit_message` and `metadata`.
        :return: the snapshot in progress, and the task that completes it.
        :raises ApiError: if the devbox has another status, or the message is too long.
        """
        devbox = life.devbox
        if devbox.status not in ("running", "suspended"):
            raise devbox.refusal("take a snapshot")
        record = SnapshotRecord(
            view=_described(life, params, self._clock.now_ms()),
            tier=self._engine.tier,
            server=self._server,
            username=devbox.launch.user.username,
            uid=devbox.launch.user.uid,
            environment=devbox.launch.image_environment,
        )
        self._records.snapshots.put(record)
        devbox.snapshots_in_progress += 1
        return record, self._tasks.start(self._complete(life, record.id))

    async def _complete(self, life: Life, identifier: str) -> None:
        layer, error = None, None
        try:
            with life.using():
                layer = await life.freeze()
                await _announce(life)
        except (*ENGINE_ERRORS, ApiError) as reason:
            error = str(as_api_error(reason, "take the snapshot"))
            if is_full_disk(reason):
                error += f"; {advice(self._records.directory)}"
            layer = await self._dropped(layer)
        finally:
            life.devbox.snapshots_in_progress -= 1
        with self._records.snapshots.changing(identifier) as record:
            record.layer = layer
            record.status = "error" if error else "complete"
            record.error_message = error
        if layer is not None:
            self._tasks.start(self._weigh(identifier, layer))

    async def _weigh(self, identifier: str, layer: str) -> None:
        """Add the size. It needs a look at every file; nobody who waits for the snapshot waits for that."""
        with suppress(*ENGINE_ERRORS):  # It may have been deleted meanwhile.
            size = await self._engine.layers.size(layer)
            with self._records.snapshots.changing(identifier) as record:
                record.view.size_bytes = size

    async def _dropped(self, layer: str | None) -> str | None:
        """Delete the layer of a snapshot that failed, and return it if it is still there."""
        if layer is not None:
            with suppress(*ENGINE_ERRORS):
                await self._engine.layers.delete(layer)
                return None
        return layer

    def get(self, identifier: str) -> SnapshotRecord:
        """Return a snapshot, deleted ones included.

        :raises ApiError: 404 if there is none.
        """
        return self._records.snapshots.found(identifier, "snapshot")

    def status(self, identifier: str) -> DevboxSnapshotAsyncStatusView:
        """Return how far a snapshot is."""
        record = self.get(identifier)
        return DevboxSnapshotAsyncStatusView(
            status=record.status, error_message=record.error_message, snapshot=record.view
        )

    def usable(self, identifier: str) -> SnapshotRecord:
        """Return a snapshot that a devbox can start from.

        :raises ApiError: 400 if it is not there, or cannot be used here.
        """
        record = self._records.snapshots.get(identifier)
        if record is None:
            raise invalid(f"`snapshot_id`: there is no snapshot `{identifier}` in this state directory")
        if record.status != "complete" or record.layer is None:
            reason = f": {record.error_message}" if record.error_message else ""
            raise invalid(f"`snapshot_id`: snapshot {identifier} has status `{record.status}`{reason}")
        if not self._engine.layers.exists(record.layer):
            raise wrong_tier(f"snapshot {identifier}", record, self._engine.tier)
        return record

    def matching(
        self, params: Mapping[str, Any], filters: Mapping[str, list[str]]
    ) -> list[DevboxSnapshotView]:
        """Return the snapshots that are not deleted and fit, newest first.

        :param params: `devbox_id` and `source_blueprint_id`.
        :param filters: metadata keys, each with the values of which one must be there.
        """
        views = [record.view for record in self._records.snapshots.all() if record.status != "deleted"]
        return [
            view
            for view in views
            if params.get("devbox_id") in (None, view.source_devbox_id)
            and params.get("source_blueprint_id") in (None, view.source_blueprint_id)
            and all(view.metadata.get(key) in values for key, values in filters.items())
        ]

    def update(self, identifier: str, params: Mapping[str, Any]) -> DevboxSnapshotView:
        """Change what is given, and keep the rest."""
        _check_message(params)
        self.get(identifier)
        with self._records.snapshots.changing(identifier) as record:
            for name, value in params.items():
                setattr(record.view, name, value or {} if name == "metadata" else value)
        return record.view

    async def delete(self, identifier: str) -> None:
        """Delete a snapshot. Its status stays readable. No effect on a deleted one.

        :raises ApiError: 409 while it is being taken.
        """
        if self.get(identifier).status == "in_progress":
            message = f"snapshot {identifier} is still being taken: wait until its status is `complete`"
            raise ApiError(409, "snapshot_in_progress", message)
        with self._records.snapshots.changing(identifier) as record:
            record.status = "deleted"
            layer, record.layer = record.layer, None
        if layer is not None:
            await self._engine.layers.delete(layer)


async def _announce(life: Life) -> None:
    """Return when a snapshot may be shown as complete.

    :raises ApiError: if its devbox ended meanwhile.
    """
    ended_before = life.devbox.ended
    await life.at(Moment.SNAPSHOT)
    if life.devbox.ended and not ended_before:
        raise life.devbox.refusal("complete the snapshot")


def _check_message(params: Mapping[str, Any]) -> None:
    length = len(params.get("commit_message") or "")
    if length > _MESSAGE_MAX:
        raise invalid(f"`commit_message` has {length:,} characters; {_MESSAGE_MAX:,} is the most")


def _described(life: Life, params: Mapping[str, Any], now_ms: int) -> DevboxSnapshotView:
    _check_message(params)
    return DevboxSnapshotView(
        id=new_id("snp"),
        create_time_ms=now_ms,
        source_devbox_id=life.devbox.id,
        source_blueprint_id=life.devbox.launch.source_blueprint_id,
        metadata=params.get("metadata") or {},
        commit_message=params.get("commit_message"),
        name=params.get("name"),
    )
