"""The client's gateway and MCP configs, and the tokens for them, of each kind of client."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_runloop import APIResponseValidationError, BadRequestError

from .fake_api import TOKEN, FakeApi, answer, refusal


def test_a_gateway_config_is_made_found_changed_and_deleted(runloop: Any, api: FakeApi) -> None:
    bearer = {"type": "bearer"}
    made = runloop.gateway_config.create(name="g", endpoint="https://api.test", auth_mechanism=bearer)
    assert (made.id, made.get_info().auth_mechanism.type) == ("gwc_1", "bearer")
    assert made.update(description="d").name == "g"
    assert [one.id for one in runloop.gateway_config.list(name="g")[:]] == ["gwc_1"]
    runloop.gateway_config.from_id("gwc_2").delete()
    assert api.calls == [
        "POST /v1/gateway-configs",
        "GET /v1/gateway-configs/gwc_1",
        "POST /v1/gateway-configs/gwc_1",
        "GET /v1/gateway-configs?name=g",
        "POST /v1/gateway-configs/gwc_2/delete",
    ]


def test_an_mcp_config_is_made_found_changed_and_deleted(runloop: Any, api: FakeApi) -> None:
    made = runloop.mcp_config.create(name="m", endpoint="https://mcp.test", allowed_tools=["*"])
    assert (made.id, made.get_info().allowed_tools) == ("mcp_1", ["*"])
    assert made.update(allowed_tools=["a"]).name == "m"
    assert [one.id for one in runloop.mcp_config.list(name="m")[:]] == ["mcp_1"]
    runloop.mcp_config.from_id("mcp_2").delete()
    assert api.calls == [
        "POST /v1/mcp-configs",
        "GET /v1/mcp-configs/mcp_1",
        "POST /v1/mcp-configs/mcp_1",
        "GET /v1/mcp-configs?name=m",
        "POST /v1/mcp-configs/mcp_2/delete",
    ]


def test_a_config_is_put_whether_it_is_there_or_not(runloop: Any, api: FakeApi) -> None:
    for kind, params in (("gateway", {"auth_mechanism": {"type": "basic"}}), ("mcp", {"allowed_tools": []})):
        path, ops = f"/v1/{kind}-configs", getattr(runloop, f"{kind}_config")
        known = answer({f"{kind}_configs": [{"id": "c_1", "name": "near"}, {"id": "c_2", "name": "n"}]})
        none = answer({f"{kind}_configs": [{"id": "c_1", "name": "near"}]})
        values = {"name": "n", "endpoint": "https://api.test", **params}
        api.on(f"GET {path}", known)
        assert ops.put(**values).id == "c_2"
        assert api.calls[-2:] == [f"GET {path}?name=n&limit=5000", f"POST {path}/c_2"]
        assert api.bodies(f"POST {path}/c_2") == [values]
        api.on(f"GET {path}", none)
        assert ops.put(**values).id == f"{'gwc' if kind == 'gateway' else 'mcp'}_1"
        # Another worker is quicker.
        api.on(f"GET {path}", none, known)
        api.on(f"POST {path}", refusal(400, "already_exists"))
        assert ops.put(**values).id == "c_2"
        api.on(f"GET {path}", none)
        with pytest.raises(BadRequestError):
            ops.put(**values)


def test_an_answer_without_an_id_is_an_error(runloop: Any, api: FakeApi) -> None:
    api.on("POST /v1/gateway-configs", answer({}))
    api.on("POST /v1/mcp-configs", answer({}))
    place = {"name": "n", "endpoint": "https://api.test"}
    with pytest.raises(APIResponseValidationError, match="has no id"):
        runloop.gateway_config.create(**place, auth_mechanism={"type": "bearer"})
    with pytest.raises(APIResponseValidationError, match="has no id"):
        runloop.mcp_config.create(**place, allowed_tools=[])


def test_a_devbox_gets_tokens_that_nothing_shows(runloop: Any, api: FakeApi) -> None:
    devbox = runloop.devbox.from_id("dbx_1")
    views = [
        devbox.create_gateway_token(gateway="g", secret="S"),
        devbox.create_mcp_token(mcp_config="m", secret="S"),
    ]
    for view in views:
        assert view.token == TOKEN["token"]
        assert view.token not in repr(view)
    assert api.calls[-2:] == [
        "POST /v1/devboxes/dbx_1/create_gateway_token",
        "POST /v1/devboxes/dbx_1/create_mcp_token",
    ]
    assert api.bodies(".*_token") == [{"gateway": "g", "secret": "S"}, {"mcp_config": "m", "secret": "S"}]
