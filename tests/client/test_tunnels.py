"""Tunnels through the client: what is asked, and which addresses come of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from runloop_api_client import RunloopSDK

from pytest_runloop import Runloop
from pytest_runloop.client.tunnels import cloud_url

from .fake_api import DEVBOX, FakeApi, answer

_TUNNEL = {
    "tunnel_key": "key",
    "auth_mode": "authenticated",
    "create_time_ms": 1,
    "http_keep_alive": True,
    "wake_on_http": False,
    "auth_token": "token-that-nobody-sees",
}
_RETRIEVE = "GET /v1/devboxes/dbx_1"
_LOCAL = "http://{port}-key.localhost:41234"


def test_a_devbox_without_a_tunnel_has_no_address(runloop: Any, api: FakeApi) -> None:
    devbox = runloop.devbox.from_id("dbx_1")
    assert devbox.get_tunnel() is None
    assert devbox.get_tunnel_url(80) is None
    assert api.calls == [_RETRIEVE, _RETRIEVE]


def test_a_tunnel_of_the_cloud_has_addresses_below_the_cloud_s_domain(runloop: Any, api: FakeApi) -> None:
    api.on(_RETRIEVE, answer({**DEVBOX, "tunnel": _TUNNEL}))
    devbox = runloop.devbox.from_id("dbx_1")
    assert devbox.get_tunnel().tunnel_key == "key"
    assert devbox.get_tunnel_url(80) == "https://80-key.tunnel.test"
    assert api.calls == [_RETRIEVE, _RETRIEVE]


@pytest.mark.parametrize(
    "base_url", ["https://api.runloop.ai", "https://api.runloop.pro/", "https://proxy.test:8443/api"]
)
def test_the_address_is_the_one_that_the_official_sdk_gives(base_url: str) -> None:
    def reply(_: httpx.Request) -> httpx.Response:
        return answer({**DEVBOX, "tunnel": _TUNNEL})

    with httpx.Client(transport=httpx.MockTransport(reply)) as http:
        theirs = RunloopSDK(bearer_token="k", base_url=base_url, http_client=http).devbox.from_id("dbx_1")
        ours = Runloop(base_url, "k", transport=http._transport).devbox.from_id("dbx_1")
        assert theirs.get_tunnel_url(80) == ours.get_tunnel_url(80) == cloud_url(base_url, "key", 80)


def test_a_local_backend_is_asked_for_an_address_that_every_program_can_use(
    runloop: Any, api: FakeApi
) -> None:
    api.on(_RETRIEVE, answer({**DEVBOX, "tunnel": {**_TUNNEL, "url_template": _LOCAL}}))
    create = "POST /v1/devboxes/dbx_1/create_tunnel"
    api.on(create, answer({"devbox_id": "dbx_1", "port": 80, "url": "http://127.0.0.1:5"}))
    assert runloop.devbox.from_id("dbx_1").get_tunnel_url(80) == "http://127.0.0.1:5"
    assert api.calls == [_RETRIEVE, create]
    assert api.bodies(create) == [{"port": 80}]


def test_a_port_has_a_tunnel_of_its_own(runloop: Any, api: FakeApi) -> None:
    create, remove = (f"POST /v1/devboxes/dbx_1/{call}_tunnel" for call in ("create", "remove"))
    api.on(create, answer({"devbox_id": "dbx_1", "port": 80, "url": "https://x.test"}))
    net = runloop.devbox.from_id("dbx_1").net
    view = net.create_tunnel(port=80)
    assert (view.devbox_id, view.port, view.url) == ("dbx_1", 80, "https://x.test")
    assert net.remove_tunnel(port=80) is None
    assert api.bodies(remove) == [{"port": 80}]
    with pytest.raises(TypeError, match="port must be given"):
        net.create_tunnel()


def test_a_token_is_not_shown(runloop: Any, api: FakeApi) -> None:
    api.on("POST /v1/devboxes/dbx_1/enable_tunnel", answer(_TUNNEL))
    view = runloop.devbox.from_id("dbx_1").net.enable_tunnel(auth_mode="authenticated")
    assert view.auth_token == _TUNNEL["auth_token"]
    assert "token-that-nobody-sees" not in f"{view!r} {view}"


def test_the_terminals_of_the_cloud_are_below_its_domain_and_those_of_a_local_backend_where_it_says(
    runloop: Any, api: FakeApi
) -> None:
    devbox = runloop.devbox.from_id("dbx_1")
    for url in (None, "http://127.0.0.1:1"):
        api.on("POST .*/create_pty_tunnel", answer({"tunnel_key": "k", "auth_token": "quiet", "url": url}))
        made = devbox.net.create_pty_tunnel()
        assert made.url == (url or cloud_url(runloop.base_url, "k", 13))
        assert "quiet" not in repr(made)
