"""Steps on the account, its keys, and evictions of its devboxes.

Runs in the environment of an SDK: it uses nothing but that and the standard library.
"""

from __future__ import annotations

import runloop_api_client as sdk

from .calls import Calls, Server, each, refused


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


async def evictions(call: Calls, server: Server, devbox: str) -> None:
    """Be told of an eviction."""
    server.plan("evict@devboxes.keep_alive:notice=600s:times=1")
    await call("POST /v1/devboxes/{}/keep_alive", devbox)
    async for event in each(await call("GET /v1/devboxes/evictions/watch")):
        assert event.devbox_id == devbox, event
        assert event.eviction_deadline_ms > 0, event
        break
    server.plan("")
