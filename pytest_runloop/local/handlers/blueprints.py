"""Blueprints."""

from __future__ import annotations

from ...contract.endpoints import blueprints as endpoints
from ...contract.views.blueprints import (
    BlueprintBuildLogsListView,
    BlueprintListView,
    BlueprintPreviewView,
    BlueprintView,
)
from ..backend import Backend
from ..calls import Call
from ..pages import paged
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> BlueprintView:
    """Begin to build a blueprint."""
    return backend.blueprints.create(call.params)


@HANDLES(endpoints.CREATE_FROM_INSPECTION)
async def create_from_inspection(backend: Backend, call: Call) -> BlueprintView:
    """Begin to build a blueprint of a repository, as an inspection found that it must be."""
    return backend.repositories.create_blueprint(call.params)


@HANDLES(endpoints.PREVIEW)
async def preview(backend: Backend, call: Call) -> BlueprintPreviewView:
    """Return the Dockerfile that a blueprint would be built from."""
    return backend.blueprints.preview(call.params)


@HANDLES(endpoints.LIST)
async def list_blueprints(backend: Backend, call: Call) -> BlueprintListView:
    """List blueprints."""
    page = paged(backend.blueprints.matching(call.params), call.params)
    return BlueprintListView(blueprints=page.items, **page.counts)


@HANDLES(endpoints.LIST_PUBLIC)
async def list_public_blueprints(backend: Backend, call: Call) -> BlueprintListView:
    """List public blueprints: Runloop publishes them, and so a backend of one's own has none."""
    page = paged(list[BlueprintView](), call.params)
    return BlueprintListView(blueprints=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> BlueprintView:
    """Return a blueprint, deleted ones included."""
    return backend.blueprints.get(call.id).view


@HANDLES(endpoints.LOGS)
async def logs(backend: Backend, call: Call) -> BlueprintBuildLogsListView:
    """Return the log of a build."""
    return backend.blueprints.logs(call.id)


@HANDLES(endpoints.DELETE)
async def delete(backend: Backend, call: Call) -> None:
    """Delete a blueprint."""
    await backend.blueprints.delete(call.id)
