"""MCP servers that devboxes call with credentials that they do not have, and the tools that they may use."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from pytest_runloop.contract.views.mcp_configs import McpConfigView
from pytest_runloop.local.gateways.hub import Message
from pytest_runloop.local.gateways.tools import Tools

from .asking import asked, message, prepared, said
from .box import Box, ok, refused
from .running import NO_CERTIFICATES, PATIENCE, Inside
from .upstream import TOOLS, Upstream, upstream

SECRET = "ghp-only-the-server-knows"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
BEARER = "Authorization: Bearer $M"


def call(tool: Any, number: int = 1) -> dict[str, Any]:
    """Return a message that uses a tool."""
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": {}}}


def names(answer: Any) -> list[str]:
    """Return the tools of an answer."""
    return [tool["name"] for tool in answer["result"]["tools"]]


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    """An MCP server."""
    with upstream() as running:
        yield running


@pytest.fixture(scope="module")
def config(api: httpx.Client, service: Upstream) -> Any:
    """Its config, with some of its tools."""
    ok(api.post("/v1/secrets", json={"name": "MCP_KEY", "value": SECRET}))
    params = {"name": "github-some", "endpoint": f"{service.url}/mcp", "allowed_tools": ["github.search_*"]}
    return ok(api.post("/v1/mcp-configs", json=params))


@pytest.fixture(scope="module")
def called(api: httpx.Client, config: Any) -> Iterator[Box]:
    """A devbox that may call it, and all tools of it under another name."""
    params = {"name": "all", "endpoint": config["endpoint"], "allowed_tools": ["*"]}
    ok(api.post("/v1/mcp-configs", json=params))
    mcp = {
        "M": {"mcp_config": config["id"], "secret": "MCP_KEY"},
        "ALL": {"mcp_config": "all", "secret": "MCP_KEY"},
    }
    box = prepared(Box.create(api, mcp=mcp))
    assert box.view()["mcp_specs"]["M"]["mcp_config_id"] == config["id"]
    # The address that `asked` uses is that of all requests.
    box.write(".profile", 'export GW_URL="${RL_MCP_URL%/mcp}"\n')
    yield box
    box.end()


def test_the_variables_are_there(called: Box) -> None:
    assert called.text("echo $RL_MCP_URL").strip().endswith("/mcp")
    assert len(called.text("echo $M").strip()) > 20
    assert called.text("echo $M") != called.text("echo $ALL")


@pytest.mark.parametrize("how", ["json", "events"])
def test_only_tools_that_are_allowed_are_listed(called: Box, service: Upstream, how: str) -> None:
    answer = message(
        called, LIST, f"X-How: {how}", "Accept-Encoding: gzip", "Mcp-Protocol-Version: 2025-06-18"
    )
    if how == "events":
        status, events = answer
        assert status == 200
        assert events.startswith(": hello\n\nid: 1\nevent: message\ndata: {")
        answer = json.loads(events.rpartition("data: ")[2])
    assert names(answer) == ["search_code", "search_issues"]
    _, path, headers, body = service.last
    assert (path, json.loads(body)) == ("/mcp", LIST)
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["mcp-protocol-version"] == "2025-06-18"
    assert headers["accept-encoding"] == "identity"


def test_each_token_stands_for_its_config(called: Box, service: Upstream) -> None:
    every = said(asked(called, "/mcp", "Authorization: Bearer $ALL", method="POST", body=json.dumps(LIST)))[1]
    assert names(json.loads(every)) == list(TOOLS)


def test_a_tool_that_is_allowed_is_used_and_others_never_reach_the_server(
    called: Box, service: Upstream
) -> None:
    assert message(called, call("search_code"))["result"]["content"][0]["text"] == "did search_code"
    before = len(service.requests)
    refusal = message(called, call("delete_repository", 7))
    assert refusal["id"] == 7
    assert refusal["error"]["code"] == -32602
    assert "`github-some` does not allow the tool `delete_repository`" in refusal["error"]["message"]
    for tool in (None, 5, {"name": "search_code"}, "Search_code", ""):
        assert message(called, call(tool))["error"]["code"] == -32602
    assert message(called, {**call("x"), "params": None})["error"]["code"] == -32602
    batch = [LIST, call("delete_repository", 2), {"jsonrpc": "2.0", "method": "notifications/initialized"}]
    refusals = message(called, batch)
    assert [(each["id"], each["error"]["code"]) for each in refusals] == [(1, -32600), (2, -32602)]
    assert len(service.requests) == before


def test_of_two_keys_of_one_name_the_server_gets_the_one_that_was_looked_at(
    called: Box, service: Upstream
) -> None:
    text = '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "method": "tools/list"}'
    assert names(message(called, text)) == ["search_code", "search_issues"]
    assert json.loads(service.last[3], object_pairs_hook=list) == list(LIST.items())


def test_messages_without_an_answer_and_sessions_pass(called: Box, service: Upstream) -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert message(called, note) == (202, "")
    assert "mcp-session-id: s1" in asked(called, "/mcp", BEARER, method="POST", body=json.dumps(LIST))
    assert said(asked(called, "/mcp", BEARER, "Mcp-Session-Id: s1", method="DELETE"))[0] == 405
    assert service.last[0] == "DELETE"
    assert service.last[2]["mcp-session-id"] == "s1"


def test_what_is_no_call_of_an_mcp_server_goes_nowhere(called: Box, service: Upstream) -> None:
    before = len(service.requests)
    assert said(asked(called, "/", BEARER))[0] == 404
    assert said(asked(called, "/mcp/tools", BEARER))[0] == 404
    assert said(asked(called, "/mcp/../x", BEARER))[0] == 400
    assert said(asked(called, "/mcp", BEARER, method="PUT", body="{}"))[0] == 405
    assert said(asked(called, "/mcp", BEARER, method="POST", body="{no"))[0] == 400
    assert said(asked(called, "/mcp", "Authorization: Bearer none"))[0] == 401
    assert len(service.requests) == before


def test_a_token_that_is_asked_for_later_is_good_too(api: httpx.Client, config: Any) -> None:
    box = prepared(Box.create(api))
    wrong = {"mcp_config": "github-sume", "secret": "MCP_KEY"}
    refused(box.post("create_mcp_token", wrong), 400, "invalid_request", "`mcp_config`", "`github-some`?")
    view = ok(box.post("create_mcp_token", {"mcp_config": config["name"], "secret": "MCP_KEY"}))
    assert view["allowed_tools"] == config["allowed_tools"]
    assert (view["mcp_config_id"], view["endpoint"]) == (config["id"], config["endpoint"])
    bearer = f"Authorization: Bearer {view['token']}"
    answer = asked(box, "/mcp", bearer, method="POST", body=json.dumps(LIST), url=view["url"])
    assert names(json.loads(said(answer)[1])) == ["search_code", "search_issues"]
    refused(api.post(f"/v1/mcp-configs/{config['id']}/delete"), 400, "in_use", box.id)
    box.end()


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"mcp": {"M": {"mcp_config": "github-sone", "secret": "MCP_KEY"}}},
            ["M.mcp_config`", "`github-some`"],
        ),
        ({"mcp": {"M": {"mcp_config": "github-some", "secret": "none"}}}, ["`mcp.M.secret`"]),
        ({"mcp": {"RL_MCP_URL": {"mcp_config": "github-some", "secret": "MCP_KEY"}}}, ["RL_MCP_URL"]),
        (
            {
                "mcp": {"A": {"mcp_config": "github-some", "secret": "MCP_KEY"}},
                "gateways": {"A": {"gateway": "openai", "secret": "MCP_KEY"}},
            },
            ["`A`", "`mcp`"],
        ),
    ],
)
def test_an_mcp_server_that_cannot_be_is_refused(
    api: httpx.Client, config: Any, params: Any, words: list[str]
) -> None:
    refused(api.post("/v1/devboxes", json=params), 400, "invalid_request", *words)


@pytest.mark.asyncio
async def test_a_message_is_kept_in_bytes_alone_while_the_server_answers(
    within: Inside, service: Upstream
) -> None:
    ok(await within.api.post("/v1/secrets", json={"name": "S", "value": SECRET}))
    params = {"name": "c", "endpoint": f"{service.url}/events", "allowed_tools": ["*"]}
    ok(await within.api.post("/v1/mcp-configs", json=params))
    box = await within.create()
    await within.reach(box, "running")
    spec = {"mcp_config": "c", "secret": "S"}
    made = ok(await within.api.post(f"/v1/devboxes/{box}/create_mcp_token", json=spec))
    service.go.clear()
    headers = {"Authorization": f"Bearer {made['token']}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=PATIENCE, verify=NO_CERTIFICATES) as client,
        client.stream("POST", made["url"], json=LIST) as answer,
    ):
        rest = answer.aiter_raw()
        assert await anext(rest) == b"data: first\n\n"
        assert not [one for one in gc.get_objects() if isinstance(one, Message)]
        service.go.set()
        assert [piece async for piece in rest] == [b"data: second\n\n"]


# The rules, without a server

TOOLS_OF = Tools(
    McpConfigView(
        id="mcp_1",
        name="git-hub",
        endpoint="http://x",
        create_time_ms=0,
        allowed_tools=["get_?", "git.list_*", "[ab]c"],
    )
)


@pytest.mark.parametrize(
    ("tool", "allowed"),
    [
        ("get_a", True),
        ("get_ab", False),
        ("list_it", True),
        ("git.list_it", True),
        ("hub.list_it", False),
        ("ac", True),
        ("cc", False),
        ("GET_a", False),
    ],
)
def test_patterns_mean_names_with_and_without_the_service(tool: str, allowed: bool) -> None:
    assert TOOLS_OF.allow(tool) is allowed


@pytest.mark.parametrize(
    "message",
    [
        {"Method": "tools/call", "params": {"name": "x"}},
        {"method": "ping", "METHOD": "tools/call", "params": {"name": "x"}},
        {"method": "tools/call", "params": {"name": "ac", "Name": "x"}},
        {"method": "tools/call", "params": {"name": "ac"}, "param\u017f": {"name": "x"}},
    ],
)
def test_what_a_server_could_read_in_another_way_is_refused(message: Any) -> None:
    refusal = TOOLS_OF.refusal({"jsonrpc": "2.0", "id": 3, **message})
    assert refusal is not None
    assert (refusal["id"], refusal["error"]["code"]) == (3, -32600)
    assert "small letters" in refusal["error"]["message"]
    assert len(TOOLS_OF.refusal([message, LIST]) or []) == 2


def test_what_a_tool_is_called_with_is_the_tools_matter() -> None:
    params = {"name": "ac", "arguments": {"Name": 1, "Method": 2}}
    assert TOOLS_OF.refusal({**call("ac"), "params": params}) is None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_events_are_looked_at_whole_wherever_they_are_cut(end: str, size: int) -> None:
    listed = {"id": 1, "result": {"tools": [{"name": "get_a"}, {"name": "hidden"}], "more": "ä"}}
    lines = [
        "event: message",
        f"data: {json.dumps(listed)}",
        "",
        "data: plain",
        "data: text",
        "",
        ": tools",
        "",
        "",
    ]
    raw = end.join(lines).encode() + b"data: the end is missing"

    async def cut() -> AsyncIterator[bytes]:
        for start in range(0, len(raw), size):
            yield raw[start : start + size]

    async def collected() -> list[bytes]:
        return [event async for event in TOOLS_OF.shown_events(cut(), 1000)]

    first, second, *rest = asyncio.run(collected())
    assert json.loads(first.partition(b"data: ")[2]) == {
        "id": 1,
        "result": {"tools": [{"name": "get_a"}], "more": "ä"},
    }
    assert second == f"data: plain{end}data: text{end}{end}".encode()
    assert rest[-1] == b"data: the end is missing"


def test_an_event_without_an_end_is_given_up() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"data: x" * 100

    async def read() -> None:
        async for _ in TOOLS_OF.shown_events(endless(), 1000):
            raise AssertionError("an event")

    with pytest.raises(EOFError, match="longer than 1,000 bytes"):
        asyncio.run(read())
