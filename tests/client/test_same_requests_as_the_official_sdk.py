"""For the same call, this client sends what Runloop's own SDK sends. Differences are listed, with reasons."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from runloop_api_client import RunloopSDK

from pytest_runloop import Runloop

from .fake_api import DEVBOX, FakeApi, answer

KEY = "ak_test"

DIFFERENCES = {
    "accept-encoding": "We ask for no compression: answers are small, files are compressed already or local.",
    "x-stainless-*": "They describe the SDK, its retries and its machine.",
    "user-agent": "It names the program that asks.",
    "x-request-id": "One per logical request in both; the value is random, or the caller's.",
    "authorization": "The same key in both, compared on its own.",
    "content-type of an uploaded part": "We send octets; the SDK guesses by the name.",
    "boundary": "Random.",
    "accept of a stored content": "The SDK's HTTP client says that it takes anything; we say nothing.",
    "order": "Of keys in a query, and of statuses to wait for: it means nothing, and the SDK's varies.",
    "timeout_seconds": "What is left of the budget, which depends on the clock.",
}


def preview(runloop: Any) -> Any:
    """Preview a blueprint: the SDK has that only in its lower layer, and calls it deprecated."""
    blueprints = runloop.api.blueprints if isinstance(runloop, RunloopSDK) else runloop.blueprint
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return blueprints.preview(name="b", dockerfile="FROM a", build_args={"A": "b"})


def lower(runloop: Any) -> Any:
    """Return what has the calls that the SDK has only in its lower layer."""
    return runloop.api if isinstance(runloop, RunloopSDK) else runloop


SCOPE = {"resource_type": "RESOURCE_TYPE_OBJECTS", "access_level": "ACCESS_LEVEL_READ"}

# Each call is written once: both clients have the same names.
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "create": lambda r, d: r.devbox.create(
        name="a", blueprint_name="b", metadata={"k": "ä"}, launch_parameters={"keep_alive_time_seconds": 60}
    ),
    "create with nothing": lambda r, d: r.devbox.create(),
    "create with null": lambda r, d: r.devbox.create(entrypoint=None),
    "create from a blueprint's id": lambda r, d: r.devbox.create_from_blueprint_id("bpt_1", name="a"),
    "create from a blueprint's name": lambda r, d: r.devbox.create_from_blueprint_name("base"),
    "create from a snapshot": lambda r, d: r.devbox.create_from_snapshot("snp_1", secrets={"A": "B"}),
    "list": lambda r, d: r.devbox.list(limit=3, status="running", starting_after="dbx_0")[:],
    "get_info": lambda r, d: d.get_info(),
    "get_info with extra query": lambda r, d: d.get_info(extra_query={"flag": True, "many": ["a", "b"]}),
    "await_running": lambda r, d: d.await_running(),
    "await_suspended": lambda r, d: d.await_suspended(),
    "suspend": lambda r, d: d.suspend(),
    "resume": lambda r, d: d.resume(),
    "keep_alive": lambda r, d: d.keep_alive(),
    "shutdown": lambda r, d: d.shutdown(),
    "logs": lambda r, d: d.logs(execution_id="exc_1"),
    "snapshot_disk": lambda r, d: d.snapshot_disk(name="s", commit_message="why", metadata={"a": "b"}),
    "snapshot_disk_async": lambda r, d: d.snapshot_disk_async(),
    "exec": lambda r, d: d.cmd.exec("echo 'ä'"),
    "exec with a key": lambda r, d: d.cmd.exec("echo", idempotency_key="mine"),
    "exec with extra headers and body": lambda r, d: d.cmd.exec_async(
        "echo", extra_headers={"X-Extra": "1"}, extra_body={"more": 1}
    ),
    "stdin": lambda r, d: d.cmd.exec_async("cat", attach_stdin=True).send_std_in("text"),
    "end of stdin": lambda r, d: d.cmd.exec_async("cat", attach_stdin=True).close_std_in(),
    "kill": lambda r, d: d.cmd.exec_async("sleep").kill(),
    "get_state": lambda r, d: d.cmd.exec_async("sleep").get_state(),
    "read": lambda r, d: d.file.read(file_path="~/ä b"),
    "write": lambda r, d: d.file.write(file_path="/x", contents="ä\n"),
    "download": lambda r, d: d.file.download(path="~/b"),
    "upload": lambda r, d: d.file.upload(path="~/b c", file=b"\x00\xff"),
    "upload with a name": lambda r, d: d.file.upload(path="b", file=('q"uote.bin', b"x")),
    "enable_tunnel": lambda r, d: d.net.enable_tunnel(auth_mode="authenticated", wake_on_http=True),
    "enable_tunnel with nothing": lambda r, d: d.net.enable_tunnel(),
    "remove_tunnel": lambda r, d: d.net.remove_tunnel(),
    "get_tunnel": lambda r, d: d.get_tunnel(),
    "get_tunnel_url": lambda r, d: d.get_tunnel_url(8080),
    "snapshot list": lambda r, d: r.snapshot.list(devbox_id="dbx_1", metadata_key="v", metadata_key_in="a,b")[
        :
    ],
    "snapshot info": lambda r, d: r.snapshot.from_id("snp_1").get_info(),
    "snapshot update": lambda r, d: r.snapshot.from_id("snp_1").update(name="n", metadata=None),
    "snapshot delete": lambda r, d: r.snapshot.from_id("snp_1").delete(),
    "snapshot create_devbox": lambda r, d: r.snapshot.from_id("snp_1").create_devbox(name="x"),
    "blueprint create": lambda r, d: r.blueprint.create(name="b", system_setup_commands=["true"]),
    "blueprint preview": lambda r, d: preview(r),
    "blueprint info": lambda r, d: r.blueprint.from_id("bpt_1").get_info(),
    "blueprint logs": lambda r, d: r.blueprint.from_id("bpt_1").logs(),
    "blueprint list": lambda r, d: r.blueprint.list(name="b")[:],
    "blueprint delete": lambda r, d: r.blueprint.from_id("bpt_1").delete(),
    "object create": lambda r, d: r.storage_object.create(name="o", content_type="tgz", ttl_ms=1000),
    "object from text": lambda r, d: r.storage_object.upload_from_text("ä", name="o", metadata={"k": "v"}),
    "object from bytes": lambda r, d: r.storage_object.upload_from_bytes(
        b"\x00\xff", name="o", content_type="binary", ttl=timedelta(minutes=1.01), timeout=3
    ),
    "object from a file": lambda r, d: r.storage_object.upload_from_file(__file__),
    "object from a named file": lambda r, d: r.storage_object.upload_from_file(
        Path(__file__), name="n", content_type="text"
    ),
    "object content": lambda r, d: r.storage_object.create(name="o", content_type="text").upload_content("ä"),
    "object info": lambda r, d: r.storage_object.from_id("obj_1").refresh(),
    "object complete": lambda r, d: r.storage_object.from_id("obj_1").complete(),
    "object address": lambda r, d: r.storage_object.from_id("obj_1").get_download_url(duration_seconds=60),
    "object bytes": lambda r, d: r.storage_object.from_id("obj_1").download_as_bytes(),
    "object text": lambda r, d: r.storage_object.from_id("obj_1").download_as_text(duration_seconds=60),
    "object list": lambda r, d: r.storage_object.list(name="o", state="READ_ONLY", limit=3)[:],
    "object delete": lambda r, d: r.storage_object.from_id("obj_1").delete(),
    "blueprint from a context": lambda r, d: r.blueprint.create(
        name="b", dockerfile="FROM a", build_context=r.storage_object.from_id("obj_1").as_build_context()
    ),
    "blueprint create_devbox": lambda r, d: r.blueprint.from_id("bpt_1").create_devbox(),
    "create_ssh_key": lambda r, d: d.net.create_ssh_key(),
    "account": lambda r, d: lower(r).accounts.me(),
    "pty tunnel": lambda r, d: (
        r.api.devboxes.create_pty_tunnel("dbx_1") if isinstance(r, RunloopSDK) else d.net.create_pty_tunnel()
    ),
    "pty": lambda r, d: lower(r).pty.connect("one", cols=80, rows=24),
    "pty with nothing": lambda r, d: lower(r).pty.connect("one"),
    "pty control": lambda r, d: lower(r).pty.control("one", action="resize", cols=1, rows=2),
    "key": lambda r, d: lower(r).apikeys.create(name="k", expires_at_ms=1),
    "key with nothing": lambda r, d: lower(r).apikeys.create(),
    "restricted key": lambda r, d: lower(r).restricted_keys.create(
        name="k", scopes=[SCOPE], expires_at_ms=None, idempotency_key="mine"
    ),
    "network policy create": lambda r, d: r.network_policy.create(
        name="p", allowed_hostnames=["a.example"], allow_mcp_gateway=None
    ),
    "network policy list": lambda r, d: r.network_policy.list(name="ä", limit=3, search="p")[:],
    "network policy info": lambda r, d: r.network_policy.from_id("npl_1").get_info(),
    "network policy update": lambda r, d: r.network_policy.from_id("npl_1").update(
        allow_all=True, description="d"
    ),
    "network policy delete": lambda r, d: r.network_policy.from_id("npl_1").delete(),
    "secret create": lambda r, d: r.secret.create("A", "ä\n"),
    "secret create by keywords": lambda r, d: r.secret.create(name="A", value="v", idempotency_key="mine"),
    "secret list": lambda r, d: r.secret.list()[:],
    "secret info": lambda r, d: r.secret.from_name("a/b ä").get_info(),
    "secret update": lambda r, d: r.secret.from_name("A").update("v"),
    "secret update by name": lambda r, d: r.secret.update("A/B", value="v"),
    "secret update of a handle": lambda r, d: r.secret.update(r.secret.from_name("A"), "v"),
    "secret delete": lambda r, d: r.secret.from_name("A").delete(),
    "secret delete by name": lambda r, d: r.secret.delete("A?"),
    "secret by id": lambda r, d: r.secret.from_id("sec_1").get_info(),
    "secret update by id": lambda r, d: r.secret.from_id("sec_1").update("v"),
    "axon create": lambda r, d: r.axon.create(name="a", metadata={"k": "v"}, idempotency_key="mine"),
    "axon create with nothing": lambda r, d: r.axon.create(),
    "axon list": lambda r, d: r.axon.list(name="a", search="b", metadata_key="v", limit=3)[:],
    "axon info": lambda r, d: r.axon.from_id("axn/1").get_info(),
    "axon publish": lambda r, d: r.axon.from_id("axn_1").publish(
        event_type="e", origin="USER_EVENT", payload='{"a": "ä"}', source="s"
    ),
    "axon events": lambda r, d: next(iter(r.axon.from_id("axn_1").subscribe_sse(timeout=3))),
    "axon query": lambda r, d: r.axon.from_id("axn_1").sql.query(sql="SELECT ?", params=[1, "ä", None]),
    "axon query without parameters": lambda r, d: r.axon.from_id("axn_1").sql.query(sql="SELECT 1"),
    "axon batch": lambda r, d: r.axon.from_id("axn_1").sql.batch(
        statements=[{"sql": "SELECT ?", "params": [True]}, {"sql": "SELECT 1"}]
    ),
    "secret delete by id": lambda r, d: r.secret.from_id("sec_1").delete(),
    "gateway create": lambda r, d: r.gateway_config.create(
        name="g", endpoint="https://api.test", auth_mechanism={"type": "header", "key": "x-api-key"}
    ),
    "gateway list": lambda r, d: r.gateway_config.list(name="g", limit=3)[:],
    "gateway info": lambda r, d: r.gateway_config.from_id("gwc_1").get_info(),
    "gateway update": lambda r, d: r.gateway_config.from_id("gwc_1").update(description="d"),
    "gateway delete": lambda r, d: r.gateway_config.from_id("gwc_1").delete(timeout=3),
    "mcp create": lambda r, d: r.mcp_config.create(
        name="m", endpoint="https://mcp.test", allowed_tools=["a_*"], idempotency_key="mine"
    ),
    "mcp list": lambda r, d: r.mcp_config.list(id="mcp_1")[:],
    "mcp info": lambda r, d: r.mcp_config.from_id("mcp_1").get_info(),
    "mcp update": lambda r, d: r.mcp_config.from_id("mcp_1").update(allowed_tools=[], name="n"),
    "mcp delete": lambda r, d: r.mcp_config.from_id("mcp_1").delete(),
}


def recorded(client: Callable[[httpx.Client], Any], call: Callable[[Any, Any], Any]) -> list[dict[str, Any]]:
    """Return what a client sends for a call."""
    api = FakeApi()
    api.on("POST .*/create_and_await_running", answer({**DEVBOX, "status": "provisioning"}))
    with httpx.Client(transport=httpx.MockTransport(api)) as http:
        runloop = client(http)
        devbox = runloop.devbox.from_id("dbx_1")
        api.requests.clear()  # The SDK's `from_id` waits for the devbox; ours asks nothing.
        call(runloop, devbox)
    return [told(request) for request in api.requests]


def told(request: httpx.Request) -> dict[str, Any]:
    """Return what matters of a request."""
    kept = {
        name: value
        for name, value in request.headers.items()
        if name
        not in ("accept-encoding", "user-agent", "host", "connection", "x-request-id", "content-length")
        and not name.startswith("x-stainless")
    }
    if request.url.host == "store.test" and request.method == "GET":
        # The SDK's download goes through its HTTP client, which adds its own.
        kept.pop("accept", None)
    key = request.headers.get("x-request-id")
    boundary = re.search("boundary=(.*)", kept.get("content-type", ""))
    if boundary:
        kept["content-type"] = kept["content-type"].replace(boundary[1], "B")
    return {
        "call": f"{request.method} {request.url.raw_path.partition(b'?')[0].decode()}",
        "query": sorted(request.url.query.split(b"&")),
        "body": body(request.content, boundary[1] if boundary else None),
        "headers": kept,
        "key": key if key == "mine" else key is not None,
    }


def body(content: bytes, boundary: str | None) -> Any:
    """Return a body without what is random."""
    if boundary is not None:
        return content.replace(boundary.encode(), b"B")
    if not content:
        return None
    try:
        data = json.loads(content)
    except ValueError:
        return content
    if "timeout_seconds" in data:
        data["timeout_seconds"] = round(data["timeout_seconds"])
        data["statuses"] = sorted(data["statuses"])
    return data


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Callable[[Any, Any], Any]:
    """Each of the calls."""
    return CALLS[request.param]


def test_both_clients_send_the_same(call: Callable[[Any, Any], Any]) -> None:
    def ours(http: httpx.Client) -> Any:
        return Runloop("http://api.test", KEY, transport=http._transport)

    def official(http: httpx.Client) -> Any:
        return RunloopSDK(bearer_token=KEY, base_url="http://api.test", http_client=http)

    sent = recorded(ours, call)
    assert sent
    assert sent == recorded(official, call)
