"""Storage objects: what they are called, where they stand, and their content in the state directory.

state_dir/objects/ID   a whole content; what is arriving is in the server's own directory
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from ..contract.views.objects import ObjectView
from .clock import Clock, Timer
from .errors import ApiError, as_api_error, invalid
from .files import FileBody, Gatherer
from .ids import new_id
from .records import ObjectRecord, Records

UPLOAD_SECONDS = 3600
"""How long the address is good that a creation gives."""


class Objects:
    """All storage objects of the state directory.

    :param directory: this server's own, for what is arriving.
    :param server: the id of this server, noted in what is uploaded to it.
    """

    def __init__(self, records: Records, clock: Clock, state_dir: Path, directory: Path, server: str) -> None:
        self._records = records.objects
        self._clock = clock
        self._contents = state_dir / "objects"
        self._contents.mkdir(mode=0o700, exist_ok=True)
        self._arriving = directory
        self._server = server
        self._timers: dict[str, Timer] = {}

    def abandon(self, living: set[str]) -> None:
        """Settle what dead servers left: uploads that nobody can continue, contents that nobody needs."""
        kept = set()
        for record in self._records.all():
            if record.view.state == "UPLOADING" and record.server not in living and not record.uploaded:
                record.view.state = "ERROR"
                self._records.put(record)
            if record.view.state != "DELETED":
                kept.add(record.id)
                self._watch(record)
        for path in self._contents.iterdir():
            if path.name not in kept:
                _discard(path)

    def close(self) -> None:
        """Watch lifetimes no more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def create(self, params: Mapping[str, Any]) -> ObjectView:
        """Make an object without content.

        :raises ApiError: if its name is empty.
        """
        if not params["name"].strip():
            raise invalid("`name` is empty: an object is found by its name")
        now, lifetime = self._clock.now_ms(), params.get("ttl_ms")
        view = ObjectView(
            id=new_id("obj"),
            name=params["name"],
            content_type=params["content_type"],
            create_time_ms=now,
            state="UPLOADING",
            metadata=dict(params.get("metadata") or {}),
            delete_after_time_ms=None if lifetime is None else now + lifetime,
        )
        record = ObjectRecord(view=view, server=self._server, until_ms=now + UPLOAD_SECONDS * 1000)
        self._records.put(record)
        self._watch(record)
        return view

    # Finding

    def get(self, identifier: str) -> ObjectRecord:
        """Return an object, deleted ones included.

        :raises ApiError: 404 if there is none.
        """
        return self._current(self._records.found(identifier, "object"))

    def matching(self, params: Mapping[str, Any]) -> list[ObjectView]:
        """Return the objects that fit, newest first; deleted ones only if they are asked for."""
        views = [self._current(record).view for record in self._records.all()]
        return [view for view in views if _fits(view, params)]

    def usable(self, identifier: str, field: str) -> ObjectView:
        """Return an object whose content can be read.

        :param field: the parameter that names it.
        :raises ApiError: 400 if there is none, or it is not complete.
        """
        record = self._records.get(identifier)
        if record is None:
            raise invalid(f"`{field}`: there is no object `{identifier}` in this state directory")
        view = self._current(record).view
        if view.state != "READ_ONLY":
            raise invalid(f"`{field}`: {_unreadable(view)}")
        return view

    def _current(self, record: ObjectRecord) -> ObjectRecord:
        """Return the object as it is now: time may have ended it."""
        now = self._clock.now_ms()
        due = record.view.delete_after_time_ms
        if due is not None and now >= due and record.view.state != "DELETED":
            return self._deleted(record.id)
        if record.view.state == "UPLOADING" and not record.uploaded and now >= record.until_ms:
            with self._records.changing(record.id) as record:
                record.view.state = "ERROR"
        return record

    # Content

    async def upload(self, identifier: str, pieces: AsyncIterator[bytes]) -> None:
        """Take the content of an object, whole or not at all.

        :raises ApiError: 409 if the object is complete or deleted; as the pieces raise it.
        """
        self._require_uploading(self.get(identifier).view)
        try:
            # Its mode is 0600.
            with NamedTemporaryFile(dir=self._arriving, delete=False) as file:
                await self._receive(identifier, pieces, file)
        except OSError as error:
            raise as_api_error(error, f"store the content of {identifier}") from error

    async def _receive(self, identifier: str, pieces: AsyncIterator[bytes], file: IO[bytes]) -> None:
        arrived = Path(file.name)
        try:
            gatherer = Gatherer(file.fileno())
            async for piece in pieces:
                await gatherer.add(piece)
            await gatherer.flush()
            self._keep(identifier, arrived)
        finally:
            _discard(arrived)

    def _keep(self, identifier: str, arrived: Path) -> None:
        with self._records.changing(identifier) as record:
            self._require_uploading(record.view)
            record.view.size_bytes = arrived.stat().st_size
            record.uploaded = True
            arrived.rename(self._contents / identifier)

    def complete(self, identifier: str) -> ObjectView:
        """Make an uploaded object readable, and nothing but readable.

        :raises ApiError: 409 if it is complete already or deleted; 400 if nothing was uploaded.
        """
        self._require_uploading(self.get(identifier).view)
        with self._records.changing(identifier) as record:
            self._require_uploading(record.view)
            if not record.uploaded:
                raise invalid(f"object {identifier} has no content yet: PUT it to its `upload_url` first")
            record.view.state = "READ_ONLY"
        return record.view

    def _require_uploading(self, view: ObjectView) -> None:
        if view.state != "UPLOADING":
            message = f"object {view.id} has state `{view.state}`, and takes no content: create another one"
            raise ApiError(409, "object_not_uploading", message, retry=False)

    def readable(self, identifier: str) -> ObjectView:
        """Return an object whose content can be downloaded.

        :raises ApiError: 404 if there is none, 400 if it is not complete.
        """
        view = self.get(identifier).view
        if view.state != "READ_ONLY":
            raise invalid(_unreadable(view))
        return view

    def open(self, identifier: str) -> int:
        """Open the content of an object, which stays readable if the object is deleted meanwhile.

        :return: a descriptor, which the caller closes.
        :raises ApiError: if it is not complete, or its content is gone.
        """
        view = self.readable(identifier)
        try:
            fd = os.open(self._contents / identifier, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise self._lost(view) from error
        # After a loss of power a file may be there without all of its bytes.
        if os.fstat(fd).st_size != view.size_bytes:
            os.close(fd)
            raise self._lost(view)
        return fd

    def body(self, identifier: str) -> FileBody:
        """Return the content of an object, to be sent.

        :raises ApiError: as `open`.
        """
        fd = self.open(identifier)
        return FileBody(fd, os.fstat(fd).st_size)

    def _lost(self, view: ObjectView) -> ApiError:
        with self._records.changing(view.id) as record:
            record.view.state = "ERROR"
        message = f"the content of object {view.id} is gone from the state directory: upload it again"
        return ApiError(500, "content_lost", message, retry=False)

    # Deleting

    def delete(self, identifier: str) -> ObjectView:
        """Delete an object and its content. It stays listed as deleted. No effect on a deleted one."""
        record = self.get(identifier)
        return record.view if record.view.state == "DELETED" else self._deleted(identifier).view

    def _deleted(self, identifier: str) -> ObjectRecord:
        if timer := self._timers.pop(identifier, None):
            timer.cancel()
        with self._records.changing(identifier) as record:
            record.view.state = "DELETED"
        _discard(self._contents / identifier)
        return record

    def _watch(self, record: ObjectRecord) -> None:
        """Delete it when its lifetime is over, though nobody asks for it."""
        if record.view.delete_after_time_ms is None:
            return
        seconds = max(0.0, (record.view.delete_after_time_ms - self._clock.now_ms()) / 1000)
        self._timers[record.id] = self._clock.call_later(seconds, lambda: self._expire(record.id))

    def _expire(self, identifier: str) -> None:
        with suppress(ApiError):
            self.get(identifier)


def _discard(path: Path) -> None:
    path.unlink(missing_ok=True)


def _fits(view: ObjectView, params: Mapping[str, Any]) -> bool:
    search = params.get("search")
    return (
        (view.state == params["state"] if "state" in params else view.state != "DELETED")
        and params.get("content_type") in (None, view.content_type)
        and params.get("name", "") in view.name
        and (search is None or search == view.id or search in view.name)
    )


def _unreadable(view: ObjectView) -> str:
    why = {
        "UPLOADING": "is not complete: upload its content, then complete it",
        "DELETED": "was deleted",
    }
    return f"object {view.id} ({view.name}) {why.get(view.state, 'has lost its content: upload it again')}"
