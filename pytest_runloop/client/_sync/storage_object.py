# Generated from ../_async/storage_object.py by scripts/unasync.py: change that file, and run the script.
"""One storage object."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING

from ...contract.endpoints import objects
from ...contract.views.objects import ObjectDownloadURLView, ObjectView
from ..concurrency import in_thread
from ..contents import spooled
from ..errors import hide_from_traceback
from ..secret import Secret
from ..sources import Source
from .contents import Contents
from .transport import Transport

if TYPE_CHECKING:
    import httpx
    from typing_extensions import Unpack

    from ...contract.params.blueprints import BuildContext
    from ...contract.params.calls import SDKObjectDownloadParams
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions

__tracebackhide__ = hide_from_traceback

Content = str | bytes | Iterable[bytes] | os.PathLike[str] | IO[bytes]
"""What can be uploaded. Pieces that are not bytes at once wait in a temporary file until all are there."""


class StorageObject:
    """A named content that the service keeps, to be mounted into devboxes and built from.

    :param transport: the client's.
    :param object_id: its id.
    :param upload_url: where its content goes, as its creation told.
    :param upload_headers: what has to go with it.
    """

    def __init__(
        self,
        transport: Transport,
        object_id: str,
        upload_url: str | None = None,
        upload_headers: Mapping[str, str] | None = None,
    ) -> None:
        self._transport = transport
        self._contents = Contents(transport)
        self._id = object_id
        self._path = {"id": object_id}
        self._upload = Secret(upload_url) if upload_url else None
        self._upload_headers = dict(upload_headers or {})

    @property
    def id(self) -> str:
        """The object's id."""
        return self._id

    @property
    def upload_url(self) -> str | None:
        """Where its content goes, until it is complete; `None` if this handle did not create it."""
        return self._upload.reveal() if self._upload else None

    def refresh(self, **options: Unpack[BaseRequestOptions]) -> ObjectView:
        """Return what the service says about it; also after its deletion."""
        return self._transport.call(objects.RETRIEVE, self._path, options)

    def upload_content(self, content: Content) -> None:
        """Send its content, in place of one that was sent before.

        :param content: text (sent as UTF-8), bytes, a `Path`, an open binary file, or pieces of bytes.
        :raises RuntimeError: if the address for it is not known: only who creates an object gets it.
        :raises APIError: if the store does not take it.
        """
        if self._upload is None:
            raise RuntimeError(
                f"There is no address to upload the content of {self._id} to: it is complete, or was "
                "created elsewhere. Create another object, as with upload_from_bytes(...)."
            )
        if isinstance(content, str):
            content = content.encode()
        if isinstance(content, bytes | bytearray | memoryview | os.PathLike) or hasattr(content, "read"):
            self._contents.put(self._upload, self._upload_headers, Source.of(content))
            return
        with in_thread(spooled, content) as file:
            self._contents.put(self._upload, self._upload_headers, Source.of(file))

    def complete(self, **options: Unpack[LongRequestOptions]) -> ObjectView:
        """Tell that its content is whole. From now on it can be read, and not be changed.

        :raises ConflictError: if it is complete already.
        """
        view = self._transport.call(objects.COMPLETE, self._path, options)
        self._upload, self._upload_headers = None, {}
        return view

    def get_download_url(self, **params: Unpack[SDKObjectDownloadParams]) -> ObjectDownloadURLView:
        """Return an address where its content can be had without a key.

        :param params: `duration_seconds` says for how long; an hour by default.
        """
        return self._transport.call(objects.DOWNLOAD, self._path, params)

    def download_as_bytes(self, **params: Unpack[SDKObjectDownloadParams]) -> bytes:
        """Return its content.

        :raises BadRequestError: if it is not complete, or deleted.
        """
        view = self.get_download_url(**params)

        def whole(response: httpx.Response) -> bytes:
            return response.read()

        return self._contents.get(Secret(view.download_url), whole)

    def download_as_text(self, **params: Unpack[SDKObjectDownloadParams]) -> str:
        """Return its content as text.

        :raises UnicodeDecodeError: if it is not UTF-8.
        """
        return (self.download_as_bytes(**params)).decode()

    def delete(self, **options: Unpack[LongRequestOptions]) -> ObjectView:
        """Delete it, and its content for good."""
        return self._transport.call(objects.DELETE, self._path, options)

    def as_build_context(self) -> BuildContext:
        """Return it as `runloop.blueprint.create(build_context=...)` takes it."""
        return {"object_id": self._id, "type": "object"}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
