"""Repositories and their inspections."""

from __future__ import annotations

from ...contract.endpoints import repositories as endpoints
from ...contract.views.repositories import (
    RepositoryConnectionListView,
    RepositoryConnectionView,
    RepositoryInspectionDetails,
    RepositoryInspectionListView,
)
from ..backend import Backend
from ..calls import Call
from ..pages import paged
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> RepositoryConnectionView:
    """Know a repository by an id."""
    return backend.repositories.create(call.params)


@HANDLES(endpoints.LIST)
async def list_repositories(backend: Backend, call: Call) -> RepositoryConnectionListView:
    """List repositories."""
    page = paged(backend.repositories.matching(call.params), call.params)
    return RepositoryConnectionListView(repositories=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> RepositoryConnectionView:
    """Return a repository."""
    return backend.repositories.get(call.id).view


@HANDLES(endpoints.DELETE)
async def delete(backend: Backend, call: Call) -> None:
    """Forget a repository and its inspections."""
    backend.repositories.delete(call.id)


@HANDLES(endpoints.INSPECT)
async def inspect(backend: Backend, call: Call) -> RepositoryInspectionDetails:
    """Look at a repository, and return what is found; what takes long is pending first."""
    return await backend.repositories.inspect(call.id, call.params.get("github_auth_token"))


@HANDLES(endpoints.REFRESH)
async def refresh(backend: Backend, call: Call) -> None:
    """Take what is new about a repository, and begin to look at it again."""
    backend.repositories.refresh(call.id, call.params)


@HANDLES(endpoints.LIST_INSPECTIONS)
async def list_inspections(backend: Backend, call: Call) -> RepositoryInspectionListView:
    """List the inspections of a repository."""
    return RepositoryInspectionListView(inspections=backend.repositories.inspections(call.id))


@HANDLES(endpoints.RETRIEVE_INSPECTION)
async def retrieve_inspection(backend: Backend, call: Call) -> RepositoryInspectionDetails:
    """Return an inspection."""
    return backend.repositories.inspection(call.id)
