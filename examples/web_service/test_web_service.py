"""A web service runs in a devbox, and the test is its client, through a tunnel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pytest_runloop import Devbox

APP = Path(__file__).with_name("app.py")
UNTIL_READY = "timeout 30 sh -c 'until [ -s port ]; do sleep 0.05; done'; cat port"


@pytest.fixture
def port(devbox: Devbox) -> int:
    """Start the service in the test's devbox, and return the port that it listens on."""
    devbox.file.upload(path="app.py", file=APP)
    devbox.cmd.exec_async("python3 app.py port > app.log 2>&1")
    return int(devbox.cmd.exec(UNTIL_READY).check().stdout())


@pytest.fixture
def web(devbox: Devbox, port: int) -> Iterator[httpx.Client]:
    """A client of the service."""
    devbox.net.enable_tunnel()
    url = devbox.get_tunnel_url(port)
    assert url is not None
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


def test_visits_are_counted(web: httpx.Client) -> None:
    assert web.get("/shop").json() == {"path": "/shop", "visits": 1}
    assert web.get("/shop").json() == {"path": "/shop", "visits": 2}


def test_each_path_has_its_own_count(web: httpx.Client) -> None:
    web.get("/shop")
    assert web.get("/cart").json() == {"path": "/cart", "visits": 1}


def test_a_visitor_needs_the_token_where_the_tunnel_asks_for_it(devbox: Devbox, port: int) -> None:
    tunnel = devbox.net.enable_tunnel(auth_mode="authenticated")
    url = devbox.get_tunnel_url(port)
    assert url is not None
    assert httpx.get(url, timeout=30).status_code == 401
    token = {"X-Runloop-Tunnel-Authorization": f"Bearer {tunnel.auth_token}"}
    assert httpx.get(url, headers=token, timeout=30).json()["visits"] == 1
