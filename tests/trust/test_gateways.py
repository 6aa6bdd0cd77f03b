"""What a devbox may try with the services and MCP servers that it may call, and with those of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pytest_runloop.local.gateways.door import MOST_CONNECTIONS
from tests.local.asking import asked, asking, prepared, said
from tests.local.box import Box, ok
from tests.local.running import Server
from tests.local.upstream import Upstream, upstream

VALUE = "credential-that-no-devbox-sees"
_BEARER = {"type": "bearer"}

_LOOK = """
import os
found = dict(os.environb)
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                found[pid, name] = file.read()
        except OSError:
            pass
for top, _, names in os.walk(os.path.expanduser("~")):
    for name in names:
        with open(os.path.join(top, name), "rb") as file:
            found[top, name] = file.read()
print(sum(b"credential-that-no-" + b"devbox-sees" in value for value in found.values()))
"""


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    """What the gateway leads to."""
    with upstream() as running:
        yield running


@pytest.fixture(scope="module")
def ready(tier_api: httpx.Client, service: Upstream) -> dict[str, Any]:
    """What a devbox with a gateway, and an MCP server that allows no tool, is created with."""
    for path, body in (
        ("secrets", {"name": "TRUST", "value": VALUE}),
        ("gateway-configs", {"name": "trust", "endpoint": f"{service.url}/base", "auth_mechanism": _BEARER}),
        ("mcp-configs", {"name": "trust", "endpoint": f"{service.url}/mcp", "allowed_tools": []}),
    ):
        ok(tier_api.post(f"/v1/{path}", json=body))
    return {
        "gateways": {"GW": {"gateway": "trust", "secret": "TRUST"}},
        "mcp": {"M": {"mcp_config": "trust", "secret": "TRUST"}},
    }


@pytest.fixture(scope="module")
def caller(tier_api: httpx.Client, ready: dict[str, Any]) -> Iterator[Box]:
    """A devbox with both."""
    box = prepared(Box.create(tier_api, **ready))
    yield box
    box.end()


def test_a_credential_is_nowhere_that_a_devbox_can_look(
    caller: Box, tier_server: Server, service: Upstream
) -> None:
    assert said(asked(caller, "/x"))[0] == 200
    assert service.last[2]["authorization"] == f"Bearer {VALUE}"
    caller.write("look.py", _LOOK)
    assert caller.text("python3 look.py") == "0\n"
    token = caller.text("echo $GW").strip()
    caller.text(f"echo {token} {VALUE}")
    told = json.dumps([caller.view(), caller.logs(), *ok(caller.api.get("/v1/devboxes"))["devboxes"]])
    assert VALUE not in told
    assert token not in told


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/../other", 400),
        ("/a/%2e%2e/%2e%2e/other", 400),
        ("/a/..%2f..%2fother", 400),
        ("/a\\..\\..\\other", 400),
        ("http://127.0.0.1:1/other", 400),
        ("127.0.0.1:1", 400),
        ("*", 400),
        ("//127.0.0.1:1/other", 200),
        ("/@127.0.0.1:1/other", 200),
        ("/x?url=http://127.0.0.1:1/other", 200),
        ("/;@127.0.0.1:1/x", 200),
    ],
)
def test_no_target_leads_out_of_the_endpoint(
    caller: Box, service: Upstream, target: str, status: int
) -> None:
    before = len(service.requests)
    assert said(asked(caller, target, "Host: 127.0.0.1:1", "X-Forwarded-Host: other"))[0] == status
    arrived = service.requests[before:]
    assert [path.startswith("/base/") for _, path, _, _ in arrived] == [True] * (status == 200)
    assert all(headers["host"] == service.url.removeprefix("http://") for _, _, headers, _ in arrived)


def test_no_method_and_no_header_brings_the_credential_back(caller: Box, service: Upstream) -> None:
    before = len(service.requests)
    assert said(asked(caller, "/x", method="TRACE"))[0] == 405
    assert said(asked(caller, "127.0.0.1:1", method="CONNECT"))[0] == 405
    assert len(service.requests) == before
    for header in ("Connection: authorization", "Authorization: Basic x", "Proxy-Authorization: Bearer x"):
        answer = asked(caller, "/x", "X-Api-Key: $GW", header)
        assert said(answer)[0] == 200
        assert VALUE not in answer
        assert service.last[2]["authorization"] == f"Bearer {VALUE}"
        assert not service.last[2].keys() & {"x-api-key", "proxy-authorization"}


def test_two_requests_in_one_are_two(caller: Box, service: Upstream) -> None:
    before = len(service.requests)
    second = "GET /smuggled HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n"
    first = f"POST /x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer $GW\r\nContent-Length: {len(second)}\r\n"
    caller.run(asking(f"{first}Connection: close\r\n\r\n{second}"))
    assert [path for _, path, _, _ in service.requests[before:]] == ["/base/x"]
    both = f"{first}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{second}"
    answers = caller.text(asking(both))
    assert " 401 " in answers or " 400 " in answers
    assert not any("smuggled" in path for _, path, _, _ in service.requests)


def test_the_token_of_another_devbox_is_good_for_nothing(
    tier_api: httpx.Client, caller: Box, ready: dict[str, Any], service: Upstream
) -> None:
    token = caller.text("echo $GW").strip()
    url = caller.text("echo $GW_URL").strip()
    other, without = prepared(Box.create(tier_api, **ready)), prepared(Box.create(tier_api))
    before = len(service.requests)
    assert said(asked(other, "/x", f"Authorization: Bearer {token}"))[0] == 401
    for wrong in ("Bearer", "Bearer x", "$GW", f"Basic {token}", f"Bearer {token[:-1]}"):
        assert said(asked(other, "/x", f"Authorization: {wrong}, "))[0] == 401
    assert "GW" not in without.text("env")
    reached = without.run(asking("GET / HTTP/1.0\r\n\r\n", url))
    assert "refused" in reached["stderr"] or " 401 " in reached["stdout"]
    assert len(service.requests) == before
    other.end()
    without.end()


def test_a_devbox_cannot_use_up_the_servers_connections(caller: Box) -> None:
    script = """
import os, socket, time
from urllib.parse import urlsplit
place = urlsplit(os.environ["GW_URL"])
opened = [socket.create_connection((place.hostname, place.port)) for _ in range(given)]
def is_open(one):
    one.settimeout(0)
    try:
        return bool(one.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False
left = len(opened)
while left > allowed:
    time.sleep(0.01)
    left = sum(map(is_open, opened))
print(left)
"""
    values = {"given": MOST_CONNECTIONS + 50, "allowed": MOST_CONNECTIONS}
    caller.write("many.py", "".join(f"{name} = {value}\n" for name, value in values.items()) + script)
    assert int(caller.text("python3 many.py")) == MOST_CONNECTIONS
    assert said(asked(caller, "/x"))[0] == 200


def test_nobody_outside_reaches_the_port_of_a_devbox_with_ports_of_its_own(
    caller: Box, tier_server: Server
) -> None:
    if "private-ports" not in tier_server.ready["capabilities"]:
        pytest.skip("the tier does not promise `private-ports`")
    url = caller.text("echo $GW_URL").strip()
    with pytest.raises(httpx.ConnectError), httpx.Client() as client:
        client.get(url)


def test_a_tool_that_is_not_allowed_is_not_used_however_it_is_written(caller: Box, service: Upstream) -> None:
    before = len(service.requests)
    name = '"params": {"name": "delete_repository"}'
    for text in (
        f'{{"id": 1, "method": "tools/call", {name}}}',
        f'{{"id": 1, "\\u006dethod": "tools\\/call", {name}}}',
        f'{{"id": 1, "method": "x", "method": "tools/call", {name}}}',
        f'[{{"id": 1, "method": "tools/list"}}, {{"id": 2, "method": "tools/call", {name}}}]',
        f'{{"method": "tools/call", {name}}}',
    ):
        answer = asked(caller, "/mcp", "Authorization: Bearer $M", method="POST", body=text)
        assert '"code": -32602' in answer, answer
    assert len(service.requests) == before
