"""Gateways: services that devboxes call with credentials that they do not have."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop.local.gateways import passing

from .asking import asked, asking, prepared, said
from .box import Box, ok, refused
from .running import NO_CERTIFICATES, PATIENCE, Inside, server
from .upstream import Upstream, upstream

SECRET = "sk-only-the-server-knows"
HEADER = {"type": "header", "key": "X-Api-Key"}


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    """What the gateways lead to."""
    with upstream() as running:
        yield running


@pytest.fixture(scope="module")
def secret(api: httpx.Client) -> Iterator[str]:
    """The name of a secret."""
    ok(api.post("/v1/secrets", json={"name": "GATEWAY_KEY", "value": f"{SECRET}\n"}))
    yield "GATEWAY_KEY"
    api.post("/v1/secrets/GATEWAY_KEY/delete")


@pytest.fixture(scope="module")
def config(api: httpx.Client, service: Upstream) -> Any:
    """A gateway whose credential is a header."""
    params = {"name": "by-header", "endpoint": f"{service.url}/base/", "auth_mechanism": HEADER}
    return ok(api.post("/v1/gateway-configs", json=params))


@pytest.fixture(scope="module")
def called(api: httpx.Client, config: Any, secret: str) -> Iterator[Box]:
    """A devbox with a gateway, for tests that leave it as it is."""
    box = Box.create(api, gateways={"GW": {"gateway": config["name"], "secret": secret}})
    yield prepared(box)
    box.end()


# Through it


def test_a_request_arrives_with_the_credential_in_place_of_the_token(
    called: Box, service: Upstream, config: Any
) -> None:
    spec = called.view()["gateway_specs"]["GW"]
    assert spec["gateway_config_id"] == config["id"]
    assert spec["secret_id"].startswith("sec_")
    answer = asked(
        called, "/v1/a%2Fb?q=%20%C3%A4&q", "X-Next: 1", "Connection: x-next", "Te: trailers", "X-Kept: 2"
    )
    assert said(answer) == (200, "GET /base/v1/a%2Fb?q=%20%C3%A4&q")
    _, _, headers, _ = service.last
    assert headers["x-api-key"] == SECRET
    assert headers["x-kept"] == "2"
    assert headers["host"] == service.url.removeprefix("http://")
    assert not headers.keys() & {"authorization", "x-next", "te"}
    assert "x-kept: 2" in answer
    assert "x-next" not in answer
    assert SECRET not in answer


def test_the_token_may_be_where_clients_put_their_keys(called: Box, service: Upstream) -> None:
    assert said(asked(called, "/x", "x-api-key: $GW"))[0] == 200
    assert said(asked(called, "/x", "Authorization: bearer  $GW", "Other: $GW"))[0] == 200
    assert "other" not in service.last[2]


def test_bodies_go_through_in_both_directions_and_of_any_size(called: Box, service: Upstream) -> None:
    script = (
        "import http.client, os; from urllib.parse import urlsplit;"
        " c = http.client.HTTPConnection(urlsplit(os.environ['GW_URL']).netloc);"
        " h = {'authorization': 'Bearer ' + os.environ['GW']};"
        " pieces = (bytes([n]) * 1_000_003 for n in range(9));"
        " c.request('PUT', '/chunks', pieces, h, encode_chunked=True); print(c.getresponse().read());"
        " c.request('POST', '/sized', b'x' * 5_000_000, h); print(c.getresponse().read());"
        " c.request('HEAD', '/head', headers=h); print(c.getresponse().headers['content-length'])"
    )
    said = called.text(f'python3 -c "{script}"')
    assert said.splitlines() == ["b'PUT /base/chunks'", "b'POST /base/sized'", "15"]
    chunks, sized = service.requests[-3][3], service.requests[-2][3]
    whole = b"".join(bytes([n]) * 1_000_003 for n in range(9))
    assert hashlib.sha256(chunks).digest() == hashlib.sha256(whole).digest()
    assert sized == b"x" * 5_000_000
    assert service.last[0] == "HEAD"


def test_events_come_through_while_they_are_sent(called: Box, service: Upstream) -> None:
    service.go.clear()
    request = "GET /events HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer $GW\r\nConnection: close\r\n\r\n"
    heard = ""
    for event in called.events(called.begin(asking(request))):
        heard += event["output"]
        if "data: first" in heard:  # The second one is not sent before this.
            service.go.set()
    assert "data: second" in heard


def test_who_goes_away_ends_the_request_at_the_service(called: Box, service: Upstream) -> None:
    service.go.clear()
    request = "GET /endless HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer $GW\r\n\r\n"
    running = called.begin(asking(request))
    for event in called.events(running):
        if "data: again" in event["output"]:
            ok(called.post(f"executions/{running}/kill"))
            break
    assert service.gone.wait(60)


def test_what_the_service_answers_is_the_devboxs_matter(called: Box, service: Upstream) -> None:
    before = len(service.requests)
    answer = asked(called, "/elsewhere")
    assert said(answer)[0] == 302
    assert "location: http://127.0.0.1:1/elsewhere" in answer
    assert len(service.requests) == before + 1
    broken = asked(called, "/broken")
    assert "content-length: 1000" in broken
    assert broken.endswith("\n\nthe beginning")
    asked(called, "/x")
    assert "cookie" not in service.last[2]


@pytest.mark.parametrize(
    ("mechanism", "custom", "expected"),
    [
        ({"type": "bearer"}, None, {"authorization": "Bearer user:pass"}),
        ({"type": "basic"}, [], {"authorization": "Basic dXNlcjpwYXNz"}),
        (
            {"type": "bearer"},
            [{"name": "X-App", "secret": "FURTHER"}, {"name": "x-version", "value": "7"}],
            {"authorization": "Bearer user:pass", "x-app": "user:pass", "x-version": "7"},
        ),
    ],
)
def test_credentials_take_the_form_that_the_config_says(
    api: httpx.Client, service: Upstream, mechanism: Any, custom: Any, expected: dict[str, str]
) -> None:
    secret = ok(api.post("/v1/secrets", json={"name": "FURTHER", "value": "user:pass"}))
    params = {"name": "form", "endpoint": service.url, "auth_mechanism": mechanism, "custom_headers": custom}
    made = ok(api.post("/v1/gateway-configs", json=params))
    box = prepared(Box.create(api, gateways={"GW": {"gateway": made["id"], "secret": secret["id"]}}))
    assert said(asked(box, "/x", "X-App: mine"))[0] == 200
    assert expected.items() <= service.last[2].items()
    # What is changed counts from the next request on.
    ok(api.post("/v1/secrets/FURTHER", json={"value": "other:value"}))
    ok(api.post(f"/v1/gateway-configs/{made['id']}", json={"auth_mechanism": HEADER}))
    assert said(asked(box, "/x"))[0] == 200
    assert service.last[2]["x-api-key"] == "other:value"
    ok(api.post("/v1/secrets/FURTHER", json={"value": "two\nlines"}))
    assert said(asked(box, "/x"))[0] == 502
    ok(api.post("/v1/secrets/FURTHER/delete"))
    status, body = said(asked(box, "/x"))
    assert status == 502
    assert "was deleted" in body
    box.end()
    ok(api.post(f"/v1/gateway-configs/{made['id']}/delete"))


def test_a_service_that_is_not_there_is_named(api: httpx.Client, secret: str) -> None:
    params = {"name": "nowhere", "endpoint": "http://127.0.0.1:9", "auth_mechanism": {"type": "bearer"}}
    ok(api.post("/v1/gateway-configs", json=params))
    box = prepared(Box.create(api, gateways={"GW": {"gateway": "nowhere", "secret": secret}}))
    status, body = said(asked(box, "/x"))
    assert status == 502
    assert "`nowhere` at 127.0.0.1:9" in body
    box.end()


# Its life


def test_it_is_there_whenever_the_devbox_is(api: httpx.Client, config: Any, secret: str) -> None:
    ask = asking("GET /x HTTP/1.1\r\nHost: g\r\nConnection: close\r\nAuthorization: Bearer $GW\r\n\r\n")
    prelude = prepared(Box.create(api))
    script = prelude.read("ask.py").text
    prelude.end()
    box = Box.create(
        api,
        gateways={"GW": {"gateway": config["id"], "secret": secret}},
        file_mounts={"ask.py": script},
        launch_parameters={"launch_commands": [f"{ask} > launched"]},
    )
    assert said(box.read("launched").text)[0] == 200
    ok(box.post("snapshot_disk"))
    assert said(asked(box, "/after-a-snapshot"))[0] == 200
    ok(box.post("suspend"))
    box.wait("suspended")
    ok(box.post("resume"))
    box.wait("running")
    assert said(asked(box, "/after-a-suspension"))[0] == 200
    more = ok(box.post("create_gateway_token", {"gateway": config["id"], "secret": secret}))
    minted = f"Authorization: Bearer {more['token']}"
    assert said(asked(box, "/x", minted))[0] == 200
    ok(api.post(f"/_local/devboxes/{box.id}/reset"))
    prepared(box)
    assert said(asked(box, "/after-a-reset"))[0] == 200
    assert said(asked(box, "/x", minted))[0] == 401
    box.end()
    refused(
        box.post("create_gateway_token", {"gateway": config["id"], "secret": secret}),
        400,
        "devbox_not_running",
        "create a token",
    )


def test_a_running_devbox_gets_a_token_later(api: httpx.Client, config: Any, secret: str) -> None:
    box = prepared(Box.create(api))
    assert box.view()["gateway_specs"] is None
    view = ok(box.post("create_gateway_token", {"gateway": config["name"], "secret": secret}))
    assert view["devbox_id"] == box.id
    assert view["gateway_config_id"] == config["id"]
    assert view["endpoint"] == config["endpoint"]
    assert view["auth_mechanism"] == config["auth_mechanism"]
    answer = asked(box, "/x", f"Authorization: Bearer {view['token']}", url=view["url"])
    assert said(answer)[0] == 200
    again = ok(box.post("create_gateway_token", {"gateway": config["name"], "secret": secret}))
    assert again["url"] == view["url"]
    assert again["token"] != view["token"]
    wrong = {"gateway": "by-heade", "secret": secret}
    refused(box.post("create_gateway_token", wrong), 400, "invalid_request", "`gateway`", "`by-header`?")
    assert view["token"] not in box.text("env")
    box.end()


def test_a_config_in_use_stays(api: httpx.Client, service: Upstream, secret: str) -> None:
    params = {"name": "in-use", "endpoint": service.url, "auth_mechanism": {"type": "bearer"}}
    made = ok(api.post("/v1/gateway-configs", json=params))
    boxes = [
        Box.create(api, gateways={"A": {"gateway": "in-use", "secret": secret}}),
        Box.create(api),
    ]
    ok(boxes[1].post("create_gateway_token", {"gateway": "in-use", "secret": secret}))
    delete = f"/v1/gateway-configs/{made['id']}/delete"
    refused(api.post(delete), 400, "in_use", *(box.id for box in boxes))
    for box in boxes:
        box.end()
    assert ok(api.post(delete)) == made


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"gateways": {"G": {"gateway": "by-heeder", "secret": "GATEWAY_KEY"}}},
            ["G.gateway`", "`by-header`"],
        ),
        (
            {"gateways": {"G": {"gateway": "by-header", "secret": "GATEWAY_KEI"}}},
            ["G.secret`", "GATEWAY_KEY"],
        ),
        ({"gateways": {"G": {"gateway": "by-header"}}}, ["secret"]),
        ({"gateways": {"G": {"gatewai": "by-header", "secret": "GATEWAY_KEY"}}}, ["gatewai", "gateway"]),
        ({"gateways": {"A=B": {"gateway": "by-header", "secret": "GATEWAY_KEY"}}}, ["`gateways`", "A=B"]),
        ({"gateways": {"PATH": {"gateway": "by-header", "secret": "GATEWAY_KEY"}}}, ["`gateways`", "PATH"]),
        (
            {
                "gateways": {"G": {"gateway": "by-header", "secret": "GATEWAY_KEY"}},
                "environment_variables": {"G_URL": "mine"},
            },
            ["`G_URL`", "`environment_variables`"],
        ),
        (
            {
                "gateways": {"G": {"gateway": "by-header", "secret": "GATEWAY_KEY"}},
                "secrets": {"G": "GATEWAY_KEY"},
            },
            ["`G`", "`secrets`"],
        ),
    ],
)
def test_a_gateway_that_cannot_be_is_refused(
    api: httpx.Client, config: Any, secret: str, params: Any, words: list[str]
) -> None:
    refused(api.post("/v1/devboxes", json=params), 400, "invalid_request", *words)


def test_without_ports_of_its_own_a_token_is_good_for_its_devbox_alone(
    service: Upstream, tmp_path: Path
) -> None:
    params = {"name": "c", "endpoint": service.url, "auth_mechanism": {"type": "bearer"}}
    with server(tmp_path, isolation="process") as running, running.client() as api:
        ok(api.post("/v1/secrets", json={"name": "S", "value": SECRET}))
        ok(api.post("/v1/gateway-configs", json=params))
        gateways = {"GW": {"gateway": "c", "secret": "S"}}
        one, two = (prepared(Box.create(api, gateways=gateways)) for _ in range(2))
        assert said(asked(one, "/x"))[0] == 200
        token = one.text("echo $GW").strip()
        url = one.text("echo $GW_URL").strip()
        assert said(asked(two, "/x", url=url))[0] == 401
        one.end()
        refusal = two.run(asking("nothing", url))
        assert (refusal["exit_status"], refusal["stderr"]) == (1, "refused\n")
        assert said(asked(two, "/x", f"Authorization: Bearer {token}"))[0] == 401


@asynccontextmanager
async def calling(within: Inside, endpoint: str) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    """Make a devbox without ports of its own, and return its id with a client that calls a service as it."""
    ok(await within.api.post("/v1/secrets", json={"name": "S", "value": SECRET}))
    params = {"name": "c", "endpoint": endpoint, "auth_mechanism": {"type": "bearer"}}
    ok(await within.api.post("/v1/gateway-configs", json=params))
    box = await within.create()
    await within.reach(box, "running")
    spec = {"gateway": "c", "secret": "S"}
    made = ok(await within.api.post(f"/v1/devboxes/{box}/create_gateway_token", json=spec))
    headers = {"Authorization": f"Bearer {made['token']}"}
    async with httpx.AsyncClient(
        base_url=made["url"], headers=headers, timeout=PATIENCE, verify=NO_CERTIFICATES
    ) as client:
        yield box, client


@pytest.mark.asyncio
async def test_methods_that_are_for_the_next_machine_alone_are_not_passed_on(
    within: Inside, service: Upstream
) -> None:
    async with calling(within, service.url) as (_, client):
        for method in ("TRACE", "CONNECT"):
            answer = await client.request(method, "/x")
            assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")


@pytest.mark.asyncio
async def test_a_devbox_that_ends_takes_its_requests_along_in_silence(
    within: Inside, service: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    service.go.clear()
    async with calling(within, service.url) as (box, client), client.stream("GET", "/events") as answer:
        rest = answer.aiter_raw()
        assert await anext(rest) == b"data: first\n\n"
        ok(await within.api.post(f"/v1/devboxes/{box}/shutdown"))
        with pytest.raises(httpx.TransportError):
            await anext(rest)
        for _ in range(100):
            await asyncio.sleep(0)
    service.go.set()
    assert not caplog.records


@pytest.mark.asyncio
async def test_a_service_that_takes_no_more_of_a_body_is_left(
    within: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing, "_STALL_SECONDS", 0.2)
    taken: list[asyncio.StreamWriter] = []
    deaf = await asyncio.start_server(lambda _, writer: taken.append(writer), "127.0.0.1", 0, limit=1)
    async with deaf:
        port = deaf.sockets[0].getsockname()[1]
        async with calling(within, f"http://127.0.0.1:{port}") as (_, client):
            answer = await client.post("/x", content=b"x" * 50_000_000)
            assert (answer.status_code, answer.json()["error"]) == (502, "not_reached")
            assert "WriteTimeout" in answer.json()["message"]
        for writer in taken:
            writer.close()
