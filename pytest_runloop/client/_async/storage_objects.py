"""Making and finding storage objects."""

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...contract.endpoints import metadata, objects
from ..answers import without
from ..archives import TarFilter, pack
from ..concurrency import async_in_thread
from ..contents import milliseconds, type_of
from ..errors import RequestInfo, hide_from_traceback
from ..pages import AsyncItems
from ..sources import Source
from .listing import async_listed
from .metadata import AsyncMetadata
from .storage_object import AsyncStorageObject, Content
from .transport import AsyncTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from ...contract.endpoint import Endpoint
    from ...contract.params.calls import (
        SDKObjectCreateParams,
        SDKObjectListParams,
        SDKObjectListPublicParams,
    )
    from ...contract.params.objects import ContentType
    from ...contract.params.options import LongRequestOptions
    from ...contract.views.objects import ObjectListView

__tracebackhide__ = hide_from_traceback


class AsyncStorageObjectOps:
    """Makes and finds storage objects; `runloop.storage_object`.

    `metadata` tells which metadata they have.

    :param transport: the client's.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self.metadata = AsyncMetadata(transport, metadata.OF_OBJECTS, metadata.OF_OBJECTS_VALUES)

    async def create(self, **params: Unpack[SDKObjectCreateParams]) -> AsyncStorageObject:
        """Make an object without content; `upload_content` and `complete` do the rest.

        :param params: `name`, `content_type`, and if wanted `metadata` and `ttl_ms`.
        """
        view = await self._transport.call(objects.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/objects"))
        return AsyncStorageObject(self._transport, view.id, view.upload_url, view.upload_headers)

    async def upload_from_text(
        self,
        text: str,
        *,
        name: str,
        metadata: Mapping[str, str] | None = None,
        ttl: timedelta | None = None,
        **options: Unpack[LongRequestOptions],
    ) -> AsyncStorageObject:
        """Make an object of a text.

        :param text: its content, sent as UTF-8.
        :param name: its name.
        :param metadata: whatever shall be noted with it.
        :param ttl: its lifetime; without one it stays until it is deleted.
        """
        about = _about(name, "text", metadata, ttl)
        return await self._uploaded(text, about, options)

    async def upload_from_bytes(
        self,
        data: bytes,
        *,
        name: str,
        content_type: ContentType,
        metadata: Mapping[str, str] | None = None,
        ttl: timedelta | None = None,
        **options: Unpack[LongRequestOptions],
    ) -> AsyncStorageObject:
        """Make an object of bytes.

        :param data: its content.
        :param content_type: what it is; a `tar`, `tgz` or `gzip` is unpacked where it is mounted.
        """
        about = _about(name, content_type, metadata, ttl)
        return await self._uploaded(data, about, options)

    async def upload_from_file(
        self,
        file_path: str | os.PathLike[str],
        *,
        name: str | None = None,
        content_type: ContentType | None = None,
        metadata: Mapping[str, str] | None = None,
        ttl: timedelta | None = None,
        **options: Unpack[LongRequestOptions],
    ) -> AsyncStorageObject:
        """Make an object of a file of this machine, of any size.

        :param file_path: the file.
        :param name: its name, else the file's.
        :param content_type: what it is, else guessed by the file's name.
        :raises OSError: if the file cannot be read.
        """
        path = Path(file_path)
        Source.of(path)  # Fails here, before anything is made.
        about = _about(name or path.name, content_type or type_of(path.name), metadata, ttl)
        return await self._uploaded(path, about, options)

    async def upload_from_dir(
        self,
        dir_path: str | os.PathLike[str],
        *,
        name: str | None = None,
        metadata: Mapping[str, str] | None = None,
        ttl: timedelta | None = None,
        ignore: TarFilter | None = None,
        **options: Unpack[LongRequestOptions],
    ) -> AsyncStorageObject:
        """Make an object of a directory's content, as a compressed tar file: a build context, for one.

        :param dir_path: the directory of this machine.
        :param name: its name, else the directory's with `.tar.gz`.
        :param ignore: gets each member as `tarfile.TarInfo`, its name relative to the directory, and returns
            it, changed if need be, or `None` to leave it out.
        :raises NotADirectoryError, FileNotFoundError: if it is no directory.
        """
        path = Path(dir_path)
        about = _about(name or _archive_name(path), "tgz", metadata, ttl)
        with tempfile.TemporaryDirectory(prefix="pytest-runloop-") as scratch:
            packed = Path(scratch) / "directory.tar.gz"
            await async_in_thread(pack, path, packed, ignore)
            return await self._uploaded(packed, about, options)

    async def _uploaded(self, content: Content, about: Any, options: Any) -> AsyncStorageObject:
        made = await self.create(**about, **options)
        await made.upload_content(content)
        await made.complete()
        return made

    def from_id(self, object_id: str) -> AsyncStorageObject:
        """Return the handle of an object. Nothing is asked of the service, so it may not exist."""
        return AsyncStorageObject(self._transport, object_id)

    def list(self, **params: Unpack[SDKObjectListParams]) -> AsyncItems[AsyncStorageObject]:
        """Return the objects, newest first; further pages are fetched on the way.

        :param params: `name` (a part of it), `search` (that, or the id), `content_type` and `state` for those
            that fit, `limit` for at most so many.
        """
        return self._listed(objects.LIST, params)

    def list_public(self, **params: Unpack[SDKObjectListPublicParams]) -> AsyncItems[AsyncStorageObject]:
        """Return the objects that everybody may read; as `list`."""
        return self._listed(objects.LIST_PUBLIC, params)

    def _listed(
        self, endpoint: Endpoint[ObjectListView], params: Mapping[str, Any]
    ) -> AsyncItems[AsyncStorageObject]:
        return async_listed(
            self._transport,
            endpoint,
            {},
            params,
            lambda view: [
                AsyncStorageObject(self._transport, item.id, item.upload_url) for item in view.objects or []
            ],
        )


def _archive_name(directory: Path) -> str:
    return f"{directory.resolve().name}.tar.gz"


def _about(
    name: str, content_type: ContentType, metadata: Mapping[str, str] | None, ttl: timedelta | None
) -> dict[str, Any]:
    return {
        "name": name,
        "content_type": content_type,
        "metadata": metadata,
        "ttl_ms": milliseconds(ttl),
    }
