"""What is known of gateways and MCP servers, and what of them is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pytest_runloop.local.gateways.endpoints import climbs

from .box import ok, refused

GATEWAY = {"endpoint": "https://api.example.com/v1", "auth_mechanism": {"type": "bearer"}}
MCP = {"endpoint": "https://mcp.example.com", "allowed_tools": ["get_*", "x.y"]}
KINDS = pytest.mark.parametrize(
    ("path", "key", "params"),
    [("/v1/gateway-configs", "gateway_configs", GATEWAY), ("/v1/mcp-configs", "mcp_configs", MCP)],
    ids=["gateway", "mcp"],
)


@KINDS
def test_it_is_kept_found_changed_and_deleted(
    api: httpx.Client, path: str, key: str, params: dict[str, Any]
) -> None:
    one = ok(api.post(path, json={**params, "name": "Kept-one", "description": "d"}))
    two = ok(api.post(path, json={**params, "name": "Kept-two"}))
    assert params.items() <= {**one, "auth_mechanism": {"type": "bearer"}}.items()
    assert one["id"].startswith(("gwc_", "mcp_"))
    assert (one["description"], two["description"]) == ("d", None)
    assert ok(api.get(f"{path}/{one['id']}")) == one

    def listed(**query: Any) -> Any:
        return ok(api.get(path, params=query))[key]

    assert listed(name="Kept-") == [two, one]
    assert listed(name="Kept-", limit=1, starting_after=two["id"]) == [one]
    assert listed(id=one["id"]) == [one]
    # A part of the name of a gateway, the beginning of that of an MCP server.
    assert listed(name="ept-o") == ([one] if key == "gateway_configs" else [])
    changed = ok(api.post(f"{path}/{one['id']}", json={"name": "Kept-three", "description": None}))
    assert changed == {**one, "name": "Kept-three"}
    for taken in (
        api.post(path, json={**params, "name": "Kept-two"}),
        api.post(f"{path}/{one['id']}", json={"name": "Kept-two"}),
    ):
        refused(taken, 400, "already_exists", "`name`", "Kept-two")
    assert ok(api.post(f"{path}/{one['id']}", json={"name": "Kept-three"})) == changed
    assert ok(api.post(f"{path}/{one['id']}/delete")) == changed
    ok(api.post(f"{path}/{two['id']}/delete"))
    for gone in (
        api.get(f"{path}/{one['id']}"),
        api.post(f"{path}/{one['id']}", json={"name": "n"}),
        api.post(f"{path}/{one['id']}/delete"),
    ):
        refused(gone, 404, "not_found", one["id"])
    assert listed(name="Kept-") == []


def test_two_services_are_known_from_the_start_and_stay_as_they_are(api: httpx.Client) -> None:
    found = {view["name"]: view for view in ok(api.get("/v1/gateway-configs?limit=5000"))["gateway_configs"]}
    assert found["anthropic"]["auth_mechanism"] == {"type": "header", "key": "x-api-key"}
    assert found["openai"]["endpoint"] == "https://api.openai.com"
    view = found["openai"]
    path = f"/v1/gateway-configs/{view['id']}"
    assert ok(api.get(path)) == view
    refused(api.post(path, json={"name": "mine"}), 400, "invalid_request", "one of your own")
    refused(api.post(f"{path}/delete"), 400, "invalid_request", "one of your own")
    refused(api.post("/v1/gateway-configs", json={**GATEWAY, "name": "openai"}), 400, "already_exists")


@KINDS
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, ["`name`"]),
        ({"name": "a\nb"}, ["`name`"]),
        ({"name": None}, ["name"]),
        ({"endpoint": "ftp://example.com"}, ["`endpoint`", "https"]),
        ({"endpoint": "example.com"}, ["`endpoint`"]),
        ({"endpoint": "https://"}, ["`endpoint`"]),
        ({"endpoint": "https://example.com:0"}, ["`endpoint`"]),
        ({"endpoint": "https://example.com:99999"}, ["`endpoint`"]),
        ({"endpoint": "https://[::1"}, ["`endpoint`"]),
        ({"endpoint": "https://example.com/ a"}, ["`endpoint`"]),
        ({"endpoint": "https://user:hidden-word@example.com"}, ["`endpoint`", "secret"]),
        ({"endpoint": "https://example.com/?a"}, ["`endpoint`"]),
        ({"endpoint": "https://example.com/a/%2E./b"}, ["`endpoint`"]),
        ({"auth_mechanism": {"type": "header"}}, ["`auth_mechanism.key`"]),
        ({"auth_mechanism": {"type": "header", "key": "a b"}}, ["`auth_mechanism.key`", "a b"]),
        ({"auth_mechanism": {"type": "header", "key": "Host"}}, ["`auth_mechanism.key`", "Host"]),
        ({"auth_mechanism": {"type": "bearer", "key": "x"}}, ["`auth_mechanism.key`", "bearer"]),
        ({"auth_mechanism": {"type": "digest"}}, ["`auth_mechanism.type`", "basic"]),
        ({"auth_mechanism": {"kind": "bearer"}}, ["auth_mechanism"]),
        ({"custom_headers": [{"name": "a", "value": "b", "secret": "c"}]}, ["`custom_headers[0]`"]),
        ({"custom_headers": [{"name": "a"}]}, ["`custom_headers[0]`"]),
        ({"custom_headers": [{"name": "a", "value": "b\r\nc: d"}]}, ["`custom_headers[0].value`"]),
        ({"custom_headers": [{"name": "a", "secret": "none"}]}, ["`custom_headers[0].secret`", "none"]),
        ({"custom_headers": [{"name": "Connection", "value": "b"}]}, ["`custom_headers[0].name`"]),
        ({"custom_headers": [{"name": "a", "value": "b"}] * 9}, ["custom_headers", "8"]),
        ({"endpoints": "x"}, ["endpoints", "endpoint"]),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_and_the_field_named(
    api: httpx.Client, path: str, key: str, params: dict[str, Any], change: dict[str, Any], words: list[str]
) -> None:
    message = refused(
        api.post(path, json={"name": "fit", **params, **change}), 400, "invalid_request", *words
    )
    assert "hidden-word" not in message
    if None not in change.values():
        made = ok(api.post(path, json={"name": "fit", **params}))
        refused(api.post(f"{path}/{made['id']}", json=change), 400, "invalid_request", *words)
        assert ok(api.post(f"{path}/{made['id']}/delete")) == made


def test_each_kind_has_fields_of_its_own(api: httpx.Client) -> None:
    no_mechanism = {"name": "n", "endpoint": GATEWAY["endpoint"]}
    refused(api.post("/v1/gateway-configs", json=no_mechanism), 400, "invalid_request", "auth_mechanism")
    no_tools = {"name": "n", "endpoint": MCP["endpoint"]}
    refused(api.post("/v1/mcp-configs", json=no_tools), 400, "invalid_request", "allowed_tools")
    empty = {**MCP, "name": "n", "allowed_tools": ["a", " "]}
    refused(api.post("/v1/mcp-configs", json=empty), 400, "invalid_request", "`allowed_tools`")


@pytest.mark.parametrize(
    ("path", "leads_upwards"),
    [
        ("/", False),
        ("/a/...", False),
        ("/.a/b..", False),
        ("//a", False),
        ("/..", True),
        ("/a/../b", True),
        ("/a/./b", True),
        ("/a/%2e%2E/b", True),
        ("/a/.%2e", True),
        ("/a%2f..%2fb", True),
        ("/a\\..\\b", True),
        ("/a%5c%2e%2e", True),
    ],
)
def test_parts_that_lead_upwards_are_seen_however_they_are_written(path: str, leads_upwards: bool) -> None:
    assert climbs(path) is leads_upwards
