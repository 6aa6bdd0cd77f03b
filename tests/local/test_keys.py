"""Keys that are made through the API: they open the server as far as they may, and are kept as digests."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop.contract.all_endpoints import ALL, NAMED
from pytest_runloop.contract.endpoint import Endpoint
from pytest_runloop.contract.params.keys import ApiAccessLevel, ApiResourceType
from pytest_runloop.local.access import Caller
from pytest_runloop.local.errors import ApiError
from pytest_runloop.local.handlers import SERVED
from pytest_runloop.local.scopes import Need, needed_for

from .box import ok, refused
from .running import Inside, Server, server

TYPES: tuple[ApiResourceType, ...] = ApiResourceType.__args__  # type: ignore[attr-defined]
BELOW: dict[ApiAccessLevel, ApiAccessLevel] = {
    "ACCESS_LEVEL_WRITE": "ACCESS_LEVEL_READ",
    "ACCESS_LEVEL_READ": "ACCESS_LEVEL_NONE",
}


def scopes(**levels: str) -> list[dict[str, str]]:
    """Return scopes, as `scopes(devboxes="read")`."""
    return [
        {"resource_type": f"RESOURCE_TYPE_{name.upper()}", "access_level": f"ACCESS_LEVEL_{level.upper()}"}
        for name, level in levels.items()
    ]


def with_key(running: Server, view: Any) -> httpx.Client:
    """Return a client that uses a key that was made."""
    headers = {"Authorization": f"Bearer {view['key_secret']}"}
    return httpx.Client(base_url=running.base_url, headers=headers)


def restricted(api: httpx.Client, **levels: str) -> Any:
    """Make a restricted key."""
    return ok(api.post("/v1/restricted_keys", json={"name": "r", "scopes": scopes(**levels)}))


@pytest.mark.parametrize("endpoint", SERVED, ids=str)
def test_a_restricted_key_needs_the_scope_of_the_call_and_no_other(endpoint: Endpoint[Any]) -> None:
    need = needed_for(endpoint)
    Caller("key_1", {need.resource_type: need.access_level}).require(endpoint)
    others: dict[str, str] = {
        **dict.fromkeys(TYPES, "ACCESS_LEVEL_WRITE"),
        need.resource_type: BELOW[need.access_level],
    }
    with pytest.raises(ApiError) as caught:
        Caller("key_2", others).require(endpoint)
    assert (caught.value.status, caught.value.code) == (403, "scope_missing")
    assert str(endpoint) in caught.value.message
    assert str(need) in caught.value.message


def test_what_calls_need() -> None:
    read: ApiAccessLevel = "ACCESS_LEVEL_READ"
    write: ApiAccessLevel = "ACCESS_LEVEL_WRITE"
    needs = {name: needed_for(NAMED[name]) for name in NAMED}
    assert needs["devboxes.create"] == Need("RESOURCE_TYPE_DEVBOXES", write)
    assert needs["devboxes.read_file_contents"] == Need("RESOURCE_TYPE_DEVBOXES", read)
    assert needs["executions.wait_for_status"] == Need("RESOURCE_TYPE_DEVBOXES", read)
    assert needs["devboxes.snapshot_disk"] == Need("RESOURCE_TYPE_SNAPSHOTS", write)
    assert needs["snapshots.list"] == Need("RESOURCE_TYPE_SNAPSHOTS", read)
    assert needs["repositories.list"] == Need("RESOURCE_TYPE_REPO_CONNECTIONS", read)
    assert needs["scorers.create"] == Need("RESOURCE_TYPE_SCENARIOS", write)
    assert needs["secrets.list"] == Need("RESOURCE_TYPE_ACCOUNT", read)
    assert needs["apikeys.create"] == Need("RESOURCE_TYPE_ACCOUNT", write)
    assert {need.resource_type for need in needs.values()} == set(TYPES)


def test_the_server_asks_each_call_for_its_scope(backend: Server, api: httpx.Client) -> None:
    view = restricted(api, devboxes="none")
    with with_key(backend, view) as nobody:
        for endpoint in ALL:
            path = re.sub(r"{\w+}", "none", endpoint.path)
            answer = nobody.request(endpoint.verb, path, json={} if endpoint.verb == "POST" else None)
            message = refused(answer, 403, "scope_missing", str(needed_for(endpoint)))
            assert view["key_secret"] not in message


def test_a_restricted_key_does_what_it_may(backend: Server, api: httpx.Client) -> None:
    view = restricted(api, devboxes="read", objects="write")
    assert view["scopes"] == scopes(devboxes="read", objects="write")
    with with_key(backend, view) as some:
        ok(some.get("/v1/devboxes"))
        refused(some.post("/v1/devboxes", json={}), 403, "scope_missing", "RESOURCE_TYPE_DEVBOXES")
        made = ok(some.post("/v1/objects", json={"name": "o", "content_type": "text"}))
        ok(some.post(f"/v1/objects/{made['id']}/delete"))
        refused(some.get("/v1/devboxes/dbx_none"), 404, "not_found")
        refused(some.get("/v1/accounts/me"), 403, "scope_missing", "RESOURCE_TYPE_ACCOUNT")


def test_a_plan_of_faults_is_for_the_servers_own_key_alone(faulty_server: Server) -> None:
    with faulty_server.client() as api, with_key(faulty_server, ok(api.post("/v1/apikeys"))) as other:
        ok(other.get("/v1/devboxes"))
        for path in ("/_local/faults", "/_local/faults/log", "/_local/gates"):
            assert (ok(api.get(path)) is not None, other.get(path).status_code) == (True, 401)


def test_keys_make_keys_where_they_may_write_the_account(backend: Server, api: httpx.Client) -> None:
    with with_key(backend, restricted(api, account="write")) as clerk:
        whole = ok(clerk.post("/v1/apikeys", json={"name": "second"}))
        ok(clerk.get("/v1/accounts/me"))
    assert whole["key_secret"].startswith("ak_")
    assert (whole["name"], whole["expires_at_ms"]) == ("second", None)
    with with_key(backend, whole) as other, with_key(backend, restricted(other, account="read")) as reader:
        ok(other.get("/v1/devboxes"))
        refused(reader.post("/v1/apikeys", json={}), 403, "scope_missing", "ACCESS_LEVEL_WRITE")


def test_a_key_is_one_whole_key(backend: Server, api: httpx.Client) -> None:
    secret = ok(api.post("/v1/apikeys"))["key_secret"]
    for wrong in (secret[:-1], secret + "x", secret.upper(), "ak_", secret.replace("ak_", "rk_")):
        with with_key(backend, {"key_secret": wrong}) as nobody:
            refused(nobody.get("/v1/devboxes"), 401, "unauthorized", "not this server's")


@pytest.mark.asyncio
async def test_a_key_is_good_until_it_expires(within: Inside) -> None:
    until = within.clock.now_ms() + 60_000
    made = ok(await within.api.post("/v1/apikeys", json={"expires_at_ms": until}))
    assert made["expires_at_ms"] == until
    headers = {"Authorization": f"Bearer {made['key_secret']}"}
    ok(await within.api.get("/v1/devboxes", headers=headers))
    await within.clock.advance(60)
    message = refused(
        await within.api.get("/v1/devboxes", headers=headers), 401, "unauthorized", "expired at"
    )
    assert made["key_secret"] not in message
    over = await within.api.post("/v1/apikeys", json={"expires_at_ms": until})
    refused(over, 400, "invalid_request", "`expires_at_ms`", "over already")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, ["`scopes`", "missing"]),
        ({"scopes": []}, ["`scopes`", "empty"]),
        ({"scopes": [{"resource_type": "RESOURCE_TYPE_DEVBOXES"}]}, ["`scopes.0.access_level`", "missing"]),
        ({"scopes": [{"access_level": "ACCESS_LEVEL_READ"}]}, ["`scopes.0.resource_type`", "missing"]),
        ({"scopes": scopes(devbox="read")}, ["`scopes.0.resource_type`", "RESOURCE_TYPE_DEVBOXES"]),
        ({"scopes": scopes(devboxes="all")}, ["`scopes.0.access_level`", "ACCESS_LEVEL_WRITE"]),
        ({"scopes": scopes(devboxes="read") * 2}, ["`scopes.1.resource_type`", "twice"]),
        ({"scopes": scopes(devboxes="read"), "scope": 1}, ["`scope`", "did you mean `scopes`"]),
        ({"scopes": scopes(devboxes="read"), "name": 1}, ["`name`"]),
        ({"scopes": scopes(devboxes="read"), "expires_at_ms": "soon"}, ["`expires_at_ms`"]),
        ({"scopes": scopes(devboxes="read"), "expires_at_ms": -1}, ["`expires_at_ms`"]),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    api: httpx.Client, body: dict[str, Any], words: list[str]
) -> None:
    refused(api.post("/v1/restricted_keys", json=body), 400, "invalid_request", *words)


def test_a_repeated_request_gets_the_same_key_and_that_of_another_caller_does_not(
    backend: Server, api: httpx.Client
) -> None:
    once = {"x-request-id": f"make-a-key-{time.time_ns()}"}
    first, again = (ok(api.post("/v1/apikeys", json={}, headers=once)) for _ in range(2))
    assert first == again
    with with_key(backend, first) as other:
        assert ok(other.post("/v1/apikeys", json={}, headers=once))["id"] != first["id"]


@pytest.fixture
def shared_state(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """Two servers of one state directory."""
    with server(tmp_path, isolation="process") as one, server(tmp_path, isolation="process") as two:
        yield one, two


def test_the_account_and_its_keys_are_those_of_the_state_directory(
    shared_state: tuple[Server, Server], tmp_path: Path
) -> None:
    one, two = shared_state
    with one.client() as api:
        account = ok(api.get("/v1/accounts/me"))
        key = ok(api.post("/v1/apikeys", json={"name": "k"}))
        few = restricted(api, blueprints="read")
    assert account["account_status"] == "ACCOUNT_STATUS_ENABLED"
    with with_key(two, key) as elsewhere, with_key(two, few) as reader:
        assert ok(elsewhere.get("/v1/accounts/me")) == account
        ok(reader.get("/v1/blueprints"))
        refused(reader.get("/v1/devboxes"), 403, "scope_missing")
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (key["key_secret"], few["key_secret"]):
        assert not any(secret.encode() in content for content in kept)
