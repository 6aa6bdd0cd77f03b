"""Storage objects."""

from __future__ import annotations

from ...contract.endpoints import objects as endpoints
from ...contract.views.objects import ObjectDownloadURLView, ObjectListView, ObjectView
from ..backend import Backend
from ..calls import Call
from ..objects import UPLOAD_SECONDS
from ..pages import paged
from ._table import Table

HANDLES = Table()
_DOWNLOAD_SECONDS = 3600
"""The API's default."""


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> ObjectView:
    """Make an object, and say where its content goes."""
    view = backend.objects.create(call.params)
    address = backend.signer.address(call.host, "PUT", view.id, UPLOAD_SECONDS)
    return view.model_copy(update={"upload_url": address, "upload_headers": {}})


@HANDLES(endpoints.LIST)
async def list_objects(backend: Backend, call: Call) -> ObjectListView:
    """List objects."""
    page = paged(backend.objects.matching(call.params), call.params)
    return ObjectListView(objects=page.items, **page.counts)


@HANDLES(endpoints.LIST_PUBLIC)
async def list_public_objects(backend: Backend, call: Call) -> ObjectListView:
    """List public objects: Runloop publishes them, no call does, and so a backend of one's own has none."""
    page = paged(list[ObjectView](), call.params)
    return ObjectListView(objects=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> ObjectView:
    """Return an object, deleted ones included."""
    return backend.objects.get(call.id).view


@HANDLES(endpoints.COMPLETE)
async def complete(backend: Backend, call: Call) -> ObjectView:
    """Make an uploaded object readable."""
    return backend.objects.complete(call.id)


@HANDLES(endpoints.DOWNLOAD)
async def download(backend: Backend, call: Call) -> ObjectDownloadURLView:
    """Say where an object's content can be had."""
    view = backend.objects.readable(call.id)
    seconds = call.params.get("duration_seconds", _DOWNLOAD_SECONDS)
    return ObjectDownloadURLView(download_url=backend.signer.address(call.host, "GET", view.id, seconds))


@HANDLES(endpoints.DELETE)
async def delete(backend: Backend, call: Call) -> ObjectView:
    """Delete an object."""
    return backend.objects.delete(call.id)
