"""Secrets."""

from __future__ import annotations

from ...contract.endpoints import secrets as endpoints
from ...contract.views.secrets import SecretListView, SecretView
from ..backend import Backend
from ..calls import Call
from ..pages import paged
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> SecretView:
    """Keep a new secret."""
    return backend.secrets.create(call.params["name"], call.params["value"])


@HANDLES(endpoints.LIST)
async def list_secrets(backend: Backend, call: Call) -> SecretListView:
    """List secrets."""
    page = paged(backend.secrets.all(), call.params)
    return SecretListView(secrets=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> SecretView:
    """Return the newest secret of a name."""
    return backend.secrets.named(call.ids["name"]).view


@HANDLES(endpoints.UPDATE)
async def update(backend: Backend, call: Call) -> SecretView:
    """Give the newest secret of a name another value."""
    return backend.secrets.update(backend.secrets.named(call.ids["name"]).id, call.params["value"])


@HANDLES(endpoints.DELETE)
async def delete(backend: Backend, call: Call) -> SecretView:
    """Delete the secret of a name."""
    return backend.secrets.delete(backend.secrets.named(call.ids["name"]).id)


@HANDLES(endpoints.RETRIEVE_BY_ID)
async def retrieve_by_id(backend: Backend, call: Call) -> SecretView:
    """Return the secret with an id."""
    return backend.secrets.get(call.id).view


@HANDLES(endpoints.UPDATE_BY_ID)
async def update_by_id(backend: Backend, call: Call) -> SecretView:
    """Give the secret with an id another value."""
    return backend.secrets.update(call.id, call.params["value"])


@HANDLES(endpoints.DELETE_BY_ID)
async def delete_by_id(backend: Backend, call: Call) -> SecretView:
    """Delete the secret with an id."""
    return backend.secrets.delete(call.id)
