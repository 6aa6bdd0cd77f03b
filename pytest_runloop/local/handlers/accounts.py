"""The account, and its keys."""

from __future__ import annotations

from ...contract.endpoints import accounts, apikeys, restricted_keys
from ...contract.views.accounts import AccountView
from ...contract.views.keys import APIKeyCreatedView, RestrictedKeyCreatedView
from ..backend import Backend
from ..calls import Call
from ._table import Table

HANDLES = Table()


@HANDLES(accounts.ME)
async def me(backend: Backend, call: Call) -> AccountView:
    """Return the account."""
    return backend.account.view()


@HANDLES(apikeys.CREATE)
async def create_key(backend: Backend, call: Call) -> APIKeyCreatedView:
    """Make a key that may do everything."""
    return backend.keys.create(call.params)


@HANDLES(restricted_keys.CREATE)
async def create_restricted_key(backend: Backend, call: Call) -> RestrictedKeyCreatedView:
    """Make a key that may do what its scopes say."""
    return backend.keys.create_restricted(call.params)
