"""Steps on the account and its keys.

Runs in the environment of an SDK: it uses nothing but that and the standard library.
"""

from __future__ import annotations

import runloop_api_client as sdk

from .calls import Calls, refused


async def keys(call: Calls) -> None:
    """Make a key that may do everything and one that may look at devboxes, and use both."""
    whole = await call("POST /v1/apikeys", name="sdk")
    mine = {"Authorization": f"Bearer {whole.key_secret}"}
    account = await call("GET /v1/accounts/me", extra_headers=mine)
    assert (account.account_status, account.billing.aws) == ("ACCOUNT_STATUS_ENABLED", None), account
    scope = {"resource_type": "RESOURCE_TYPE_DEVBOXES", "access_level": "ACCESS_LEVEL_READ"}
    made = await call("POST /v1/restricted_keys", name="sdk", scopes=[scope])
    assert [entry.model_dump() for entry in made.scopes] == [scope], made
    few = {"Authorization": f"Bearer {made.key_secret}"}
    await call("GET /v1/devboxes", extra_headers=few)
    await refused(sdk.PermissionDeniedError, 403, call("POST /v1/devboxes", extra_headers=few))
    await refused(sdk.PermissionDeniedError, 403, call("GET /v1/accounts/me", extra_headers=few))
