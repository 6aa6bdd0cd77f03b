# Generated from ../_async/storage_objects.py by scripts/unasync.py: change that file, and run the script.
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
from ..concurrency import in_thread
from ..contents import milliseconds, type_of
from ..errors import RequestInfo, hide_from_traceback
from ..pages import Items
from ..sources import Source
from .listing import listed
from .metadata import Metadata
from .storage_object import Content, StorageObject
from .transport import Transport

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


class StorageObjectOps:
    """Makes and finds storage objects; `runloop.storage_object`.

    `metadata` tells which metadata they have.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.metadata = Metadata(transport, metadata.OF_OBJECTS, metadata.OF_OBJECTS_VALUES)

    def create(self, **params: Unpack[SDKObjectCreateParams]) -> StorageObject:
        """Make an object without content; `upload_content` and `complete` do the rest.

        :param params: `name`, `content_type`, and if wanted `metadata` and `ttl_ms`.
        """
        view = self._transport.call(objects.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/objects"))
        return StorageObject(self._transport, view.id, view.upload_url, view.upload_headers)

    def upload_from_text(
        self,
        text: str,
        *,
        name: str,
        metadata: Mapping[str, str] | None = None,
        ttl: timedelta | None = None,
        **options: Unpack[LongRequestOptions],
    ) -> StorageObject:
        """Make an object of a text.

        :param text: its content, sent as UTF-8.
        :param name: its name.
        :param metadata: whatever shall be noted with it.
        :param ttl: its lifetime; without one it stays until it is deleted.
        """
        about = _about(name, "text", metadata, ttl)
        return self._uploaded(text, about, options)

    def upload_from_bytes(
        self,
        data: bytes,
        *,
        name: str,
        content_type: ContentType,
        metadata: Mapping[str, str] | None = None,
        ttl: timedelta | None = None,
        **options: Unpack[LongRequestOptions],
    ) -> StorageObject:
        """Make an object of bytes.

        :param data: its content.
        :param content_type: what it is; a `tar`, `tgz` or `gzip` is unpacked where it is mounted.
        """
        about = _about(name, content_type, metadata, ttl)
        return self._uploaded(data, about, options)

    def upload_from_file(
        self,
        file_path: str | os.PathLike[str],
        *,
        name: str | None = None,
        content_type: ContentType | None = None,
        metadata: Mapping[str, str] | None = None,
        ttl: timedelta | None = None,
        **options: Unpack[LongRequestOptions],
    ) -> StorageObject:
        """Make an object of a file of this machine, of any size.

        :param file_path: the file.
        :param name: its name, else the file's.
        :param content_type: what it is, else guessed by the file's name.
        :raises OSError: if the file cannot be read.
        """
        path = Path(file_path)
        Source.of(path)  # Fails here, before anything is made.
        about = _about(name or path.name, content_type or type_of(path.name), metadata, ttl)
        return self._uploaded(path, about, options)

    def upload_from_dir(
        self,
        dir_path: str | os.PathLike[str],
        *,
        name: str | None = None,
        metadata: Mapping[str, str] | None = None,
        ttl: timedelta | None = None,
        ignore: TarFilter | None = None,
        **options: Unpack[LongRequestOptions],
    ) -> StorageObject:
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
            in_thread(pack, path, packed, ignore)
            return self._uploaded(packed, about, options)

    def _uploaded(self, content: Content, about: Any, options: Any) -> StorageObject:
        made = self.create(**about, **options)
        made.upload_content(content)
        made.complete()
        return made

    def from_id(self, object_id: str) -> StorageObject:
        """Return the handle of an object. Nothing is asked of the service, so it may not exist."""
        return StorageObject(self._transport, object_id)

    def list(self, **params: Unpack[SDKObjectListParams]) -> Items[StorageObject]:
        """Return the objects, newest first; further pages are fetched on the way.

        :param params: `name` (a part of it), `search` (that, or the id), `content_type` and `state` for those
            that fit, `limit` for at most so many.
        """
        return self._listed(objects.LIST, params)

    def list_public(self, **params: Unpack[SDKObjectListPublicParams]) -> Items[StorageObject]:
        """Return the objects that everybody may read; as `list`."""
        return self._listed(objects.LIST_PUBLIC, params)

    def _listed(self, endpoint: Endpoint[ObjectListView], params: Mapping[str, Any]) -> Items[StorageObject]:
        return listed(
            self._transport,
            endpoint,
            {},
            params,
            lambda view: [
                StorageObject(self._transport, item.id, item.upload_url) for item in view.objects or []
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
