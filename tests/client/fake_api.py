"""A Runloop API of a few lines, which records what it is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

Responder = Callable[[httpx.Request], httpx.Response]

EXECUTION = {
    "devbox_id": "dbx_1",
    "execution_id": "exc_1",
    "status": "completed",
    "exit_status": 0,
    "stdout": "one\ntwo\n",
    "stderr": "",
    "stdout_truncated": False,
    "stderr_truncated": False,
}
DEVBOX = {"id": "dbx_1", "status": "running", "create_time_ms": 1}
SNAPSHOT = {"id": "snp_1", "create_time_ms": 1, "source_devbox_id": "dbx_1"}
NETWORK_POLICY = {
    "id": "npl_1",
    "name": "p",
    "egress": {
        "allow_all": False,
        "allow_devbox_to_devbox": False,
        "allowed_hostnames": ["a.example"],
        "allow_agent_gateway": False,
        "allow_mcp_gateway": False,
    },
    "create_time_ms": 1,
    "update_time_ms": 1,
}
SECRET = {"id": "sec_1", "name": "A", "create_time_ms": 1, "update_time_ms": 2}
OBJECT = {
    "id": "obj_1",
    "name": "o",
    "content_type": "text",
    "state": "UPLOADING",
    "create_time_ms": 1,
    "upload_url": "http://store.test/bucket/obj_1?signature=of-the-upload",
    "upload_headers": {"x-store-needs": "this"},
}
GATEWAY_CONFIG = {
    "id": "gwc_1",
    "name": "g",
    "endpoint": "https://api.test",
    "auth_mechanism": {"type": "bearer"},
    "create_time_ms": 1,
}
MCP_CONFIG = {
    "id": "mcp_1",
    "name": "m",
    "endpoint": "https://mcp.test",
    "allowed_tools": ["*"],
    "create_time_ms": 1,
}
TOKEN = {
    "token": "a-token-that-is-good",
    "devbox_id": "dbx_1",
    "url": "http://127.0.0.1:20000",
    "endpoint": "https://api.test",
    "auth_mechanism": {"type": "bearer"},
    "allowed_tools": ["*"],
    "gateway_config_id": "gwc_1",
    "mcp_config_id": "mcp_1",
}
BLUEPRINT = {"id": "bpt_1", "name": "b", "status": "build_complete", "state": "created", "create_time_ms": 1}


def answer(body: object, status: int = 200, **headers: str) -> httpx.Response:
    """Return a JSON answer; underscores in header names stand for hyphens."""
    return httpx.Response(
        status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def refusal(
    status: int, code: str = "oops", message: str = "it went wrong", **headers: str
) -> httpx.Response:
    """Return an error answer as the service words them."""
    return answer({"error": code, "message": message}, status, **headers)


def events(*events: object) -> httpx.Response:
    """Return a stream of events, each given by its data, or by `(name, data)`."""
    text = ""
    for event in events:
        name, data = event if isinstance(event, tuple) else (None, event)
        text += (f"event: {name}\n" if name else "") + f"data: {json.dumps(data)}\n\n"
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=text.encode())


def _awaited(request: httpx.Request) -> str:
    return "suspended" if b"suspended" in request.content else "running"


SSH_KEY = {"id": "dbx_1", "ssh_private_key": "PRIVATE\n", "ssh_user": "user", "url": "dbx-1.ssh.test"}
ACCOUNT = {
    "id": "acc_1",
    "name": "a",
    "account_status": "ACCOUNT_STATUS_ENABLED",
    "billing": {"account_billing_type": "STRIPE"},
    "created_at": "2026-01-01T00:00:00Z",
    "tier": "ACCOUNT_TIER_PRO",
}
AGENT = {"id": "agt_1", "name": "a", "create_time_ms": 1, "is_public": False}
REPOSITORY = {"id": "rep_1", "name": "n", "owner": "o"}
INSPECTION = {
    "id": "rpi_1",
    "commit_sha": "c0ffee",
    "inspected_at": 1,
    "repository_manifest": {"container_config": {}, "languages": [], "workspaces": []},
    "status": "inspection_success",
}
EVENT = {
    "axon_id": "axn_1",
    "event_type": "e",
    "origin": "USER_EVENT",
    "payload": "{}",
    "sequence": 1,
    "source": "s",
    "timestamp_ms": 1,
}
SQL_META = {"changes": 0, "duration_ms": 1.5, "rows_read_limit_reached": False}
AXON = {"id": "axn_1", "created_at_ms": 1, "metadata": {}}
DOWNLOAD_URL = "http://store.test/bucket/obj_1?signature=of-the-download"

DEFAULTS: list[tuple[str, Responder]] = [
    (r"POST .*/create_pty_tunnel", lambda _: answer({"tunnel_key": "k", "auth_token": "t"})),
    (r"GET /pty/one", lambda _: answer({"created": True, "attached": False})),
    (r"POST /pty/one/control", lambda _: answer({"session_name": "one", "status": "ok"})),
    (r"GET /v1/accounts/me", lambda _: answer(ACCOUNT)),
    (r"POST /v1/(apikeys|restricted_keys)", lambda _: answer({"id": "key_1", "key_secret": "ak_made"})),
    (r"POST .*/create_ssh_key", lambda _: answer(SSH_KEY)),
    (
        r"GET /v1/network-policies",
        lambda _: answer({"network_policies": [NETWORK_POLICY], "has_more": False}),
    ),
    (r".* /v1/network-policies.*", lambda _: answer(NETWORK_POLICY)),
    (r"GET /v1/secrets", lambda _: answer({"secrets": [SECRET], "has_more": False})),
    (r".* /v1/secrets.*", lambda _: answer(SECRET)),
    (
        r"GET .*/stream_stdout_updates",
        lambda _: events({"output": "one\n", "offset": 4}, {"output": "two\n"}),
    ),
    (r"GET .*/stream_stderr_updates", lambda _: events()),
    (r"POST .*/execute_async", lambda _: answer({**EXECUTION, "status": "running", "exit_status": None})),
    (r"POST .*/send_std_in", lambda _: answer({"devbox_id": "d", "execution_id": "e", "success": True})),
    (r".*/executions/.*", lambda _: answer(EXECUTION)),
    (r"POST .*/read_file_contents", lambda _: httpx.Response(200, text="text")),
    (r"POST .*/write_file_contents", lambda _: answer({**EXECUTION, "stdout": ""})),
    (r"POST .*/download_file", lambda _: httpx.Response(200, content=b"bytes")),
    (r"PUT /bucket/.*", lambda _: httpx.Response(200)),
    (r"GET /bucket/.*", lambda _: httpx.Response(200, content="content ä".encode())),
    (r"GET /v1/objects/.*/download", lambda _: answer({"download_url": DOWNLOAD_URL})),
    (r"GET /v1/objects(/list_public)?", lambda _: answer({"objects": [OBJECT], "has_more": False})),
    (r".* /v1/objects.*", lambda _: answer(OBJECT)),
    (r"POST .*/(upload_file|keep_alive|delete)", lambda _: answer({})),
    (r"GET /v1/agents(/list_public)?", lambda _: answer({"agents": [AGENT], "has_more": False})),
    (r".* /v1/agents.*", lambda _: answer(AGENT)),
    (r".*/create_(gateway|mcp)_token", lambda _: answer(TOKEN)),
    (r"GET /v1/gateway-configs", lambda _: answer({"gateway_configs": [GATEWAY_CONFIG], "has_more": False})),
    (r"GET /v1/mcp-configs", lambda _: answer({"mcp_configs": [MCP_CONFIG], "has_more": False})),
    (r".* /v1/gateway-configs.*", lambda _: answer(GATEWAY_CONFIG)),
    (r".* /v1/mcp-configs.*", lambda _: answer(MCP_CONFIG)),
    (r"GET /v1/repositories", lambda _: answer({"repositories": [REPOSITORY], "has_more": False})),
    (r"GET /v1/repositories/.*/inspections", lambda _: answer({"inspections": [INSPECTION]})),
    (r"GET /v1/repositories/inspections/.*|POST .*/inspect", lambda _: answer(INSPECTION)),
    (r"POST .*/refresh", lambda _: answer({})),
    (r".* /v1/repositories.*", lambda _: answer(REPOSITORY)),
    (r"GET /v1/axons", lambda _: answer({"axons": [AXON], "has_more": False})),
    (r"GET /v1/axons/.*/subscribe/sse", lambda _: events(EVENT)),
    (r"POST /v1/axons/.*/publish", lambda _: answer({"sequence": 1, "timestamp_ms": 1})),
    (r"POST /v1/axons/.*/sql/batch", lambda _: answer({"results": []})),
    (r"POST /v1/axons/.*/sql/query", lambda _: answer({"columns": [], "rows": [], "meta": SQL_META})),
    (r".* /v1/axons.*", lambda _: answer(AXON)),
    (r"GET .*/blueprints/.*/logs", lambda _: answer({"blueprint_id": "bpt_1", "logs": []})),
    (r"GET .*/logs", lambda _: answer({"logs": []})),
    (r"GET .*/disk_snapshots/.*/status", lambda _: answer({"status": "complete", "snapshot": SNAPSHOT})),
    (r"GET .*/disk_snapshots", lambda _: answer({"snapshots": [SNAPSHOT], "has_more": False})),
    (r"POST .*snapshot.*", lambda _: answer(SNAPSHOT)),
    (r"POST /v1/blueprints/preview", lambda _: answer({"dockerfile": "FROM a\n"})),
    (r"GET /v1/blueprints", lambda _: answer({"blueprints": [BLUEPRINT], "has_more": False})),
    (r".* /v1/blueprints.*", lambda _: answer(BLUEPRINT)),
    (r"GET /v1/devboxes", lambda _: answer({"devboxes": [DEVBOX], "has_more": False})),
    (r"POST .*/shutdown", lambda _: answer({**DEVBOX, "status": "shutdown"})),
    (r"POST .*/wait_for_status", lambda request: answer({**DEVBOX, "status": _awaited(request)})),
    (r".* /v1/devboxes.*", lambda _: answer(DEVBOX)),
]


@dataclass
class FakeApi:
    """Answers requests, by default as a service where all goes well; `on` changes single answers."""

    requests: list[httpx.Request] = field(default_factory=list)
    rules: list[tuple[str, list[Responder]]] = field(default_factory=list)

    def on(self, pattern: str, *responses: httpx.Response | Responder | Exception) -> None:
        """Answer requests whose `VERB path` matches, one after another; the last answer stays."""
        self.rules.insert(0, (pattern, [_responder(response) for response in responses]))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, as a connection does: the body is not read yet."""
        self.requests.append(request)
        made = self._response(request)
        return httpx.Response(made.status_code, headers=made.headers, stream=httpx.ByteStream(made.content))

    def _response(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path}"
        for pattern, responders in self.rules:
            if re.fullmatch(pattern, what):
                return (responders.pop(0) if len(responders) > 1 else responders[0])(request)
        for pattern, responder in DEFAULTS:
            if re.fullmatch(pattern, what):
                return responder(request)
        return refusal(404, "not_found", f"no {what} here")

    @property
    def calls(self) -> list[str]:
        """What was asked, as `VERB path`."""
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    def bodies(self, pattern: str = ".*") -> list[Any]:
        """The JSON bodies of the requests that match."""
        return [
            json.loads(request.content) if request.content else None
            for request, call in zip(self.requests, self.calls, strict=True)
            if re.fullmatch(pattern, call)
        ]


def _responder(response: httpx.Response | Responder | Exception) -> Responder:
    if isinstance(response, Exception):
        return _raiser(response)
    if isinstance(response, httpx.Response):
        return lambda _: response
    return response


def _raiser(error: Exception) -> Responder:
    def respond(_: httpx.Request) -> httpx.Response:
        raise error

    return respond
