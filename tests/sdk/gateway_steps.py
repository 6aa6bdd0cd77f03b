"""Steps on what devboxes call without having the credentials: services and MCP servers.

Runs in the environment of an SDK: it uses nothing but that and the standard library.
"""

from __future__ import annotations

from typing import Any

import runloop_api_client as sdk

from .calls import Calls, each, refused

_NOWHERE = "http://127.0.0.1:9"


async def gateways(call: Calls) -> None:
    """Make, find, change and delete configs; give them to a devbox, at its creation and later."""
    if not call.has("POST /v1/gateway-configs"):
        return
    secret = await call("POST /v1/secrets", name="SDK_GATEWAY", value="v")
    gateway, mcp = await _gateway_config(call), await _mcp_config(call)
    devbox = await call(
        "POST /v1/devboxes",
        gateways={"GWS": {"gateway": gateway.name, "secret": secret.name}},
        mcp={"MCP": {"mcp_config": mcp.id, "secret": secret.id}},
    )
    assert devbox.gateway_specs["GWS"].gateway_config_id == gateway.id, devbox
    assert devbox.mcp_specs["MCP"].secret_id == secret.id, devbox
    await call("POST /v1/devboxes/{}/wait_for_status", devbox.id)
    shown = await call("POST /v1/devboxes/{}/execute_sync", devbox.id, command="echo $GWS_URL $RL_MCP_URL")
    await _tokens(call, devbox.id, shown.stdout.split(), {"gateway": gateway, "mcp_config": mcp})
    for path, config in (("gateway-configs", gateway), ("mcp-configs", mcp)):
        await refused(sdk.BadRequestError, 400, call(f"POST /v1/{path}/{{}}/delete", config.id))
    await call("POST /v1/devboxes/{}/shutdown", devbox.id)
    for path, config in (("gateway-configs", gateway), ("mcp-configs", mcp)):
        assert (await call(f"POST /v1/{path}/{{}}/delete", config.id)).id == config.id
        await refused(sdk.NotFoundError, 404, call(f"GET /v1/{path}/{{}}", config.id))
    await call("POST /v1/secrets/{}/delete", secret.name)


async def _gateway_config(call: Calls) -> Any:
    path, mechanism = "/v1/gateway-configs", {"type": "header", "key": "x-api-key"}
    made = await call(f"POST {path}", name="sdk-gateway", endpoint=_NOWHERE, auth_mechanism=mechanism)
    assert (await call(f"GET {path}/{{}}", made.id)).auth_mechanism.key == "x-api-key"
    assert (await call(f"POST {path}/{{}}", made.id, description="d")).description == "d"
    listed = [one.name async for one in each(await call(f"GET {path}", limit=1))]
    assert {"sdk-gateway", "anthropic", "openai"} <= set(listed), listed
    return made


async def _mcp_config(call: Calls) -> Any:
    path = "/v1/mcp-configs"
    made = await call(f"POST {path}", name="sdk-mcp", endpoint=_NOWHERE, allowed_tools=["*"])
    assert (await call(f"GET {path}/{{}}", made.id)).allowed_tools == ["*"]
    assert (await call(f"POST {path}/{{}}", made.id, allowed_tools=["a", "b"])).allowed_tools == ["a", "b"]
    assert [one.id async for one in each(await call(f"GET {path}", name="sdk-m", limit=1))] == [made.id]
    return made


async def _tokens(call: Calls, devbox: str, urls: list[str], configs: dict[str, Any]) -> None:
    for (name, config), url in zip(configs.items(), urls):  # noqa: B905
        path = f"POST /v1/devboxes/{{}}/create_{name.removesuffix('_config')}_token"
        view = await call(path, devbox, secret="SDK_GATEWAY", **{name: config.id})
        assert (view.url, view.devbox_id, view.endpoint) == (url, devbox, _NOWHERE), view
        assert view.token, view
