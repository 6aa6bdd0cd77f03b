"""Tunnels where something is in the way: a full queue, a kernel without splice, a devbox that boots."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pytest_runloop.local import listener
from pytest_runloop.local.engine.select import open_engine
from pytest_runloop.local.settings import Settings

from .running import PATIENCE, Inside, inside

pytestmark = pytest.mark.asyncio

_SERVICE = Path(__file__).with_name("service.py")


@pytest_asyncio.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[Inside]:
    """A backend within the test that soon gives up a service that takes no connections."""
    engine = await open_engine("process", tmp_path)
    async with inside(engine, tmp_path, Settings(tunnel_connect=0.2)) as running:
        yield running


async def _call(within: Inside, identifier: str, call: str, **params: Any) -> Any:
    answer = await within.api.post(f"/v1/devboxes/{identifier}/{call}", json=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _served(within: Inside) -> str:
    """Return the address of a service in a new devbox."""
    identifier = await within.create()
    await within.reach(identifier, "running")
    await _call(
        within, identifier, "write_file_contents", file_path="service.py", contents=_SERVICE.read_text()
    )
    await _call(within, identifier, "execute_async", command="python3 service.py 0")
    command = "until [ -e port ]; do sleep 0.01; done; cat port"
    port = int((await _call(within, identifier, "execute_sync", command=command))["stdout"])
    return str((await _call(within, identifier, "create_tunnel", port=port))["url"])


async def test_a_service_whose_queue_is_full_is_given_up(impatient: Inside) -> None:
    identifier = await impatient.create()
    await impatient.reach(identifier, "running")
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        port = deaf.getsockname()[1]
        url = (await _call(impatient, identifier, "create_tunnel", port=port))["url"]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.get(url)
        for each in waiting:
            each.close()
    assert (answer.status_code, answer.headers["x-runloop-error-code"]) == (504, "timed_out")
    assert f"port {port}" in answer.text


@pytest.mark.parametrize("refuses", [True, False])
async def test_bodies_are_whole_whether_the_kernel_splices_or_not(
    within: Inside, monkeypatch: pytest.MonkeyPatch, refuses: bool
) -> None:
    splice, calls = os.splice, 0

    def counted(*arguments: int, **how: int) -> int:
        nonlocal calls
        calls += 1
        if refuses:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return splice(*arguments, **how)

    monkeypatch.setattr(os, "splice", counted)
    url = await _served(within)
    content = os.urandom(1 << 20) * 20
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
        assert (await client.post("/echo", content=content)).content == content
        assert calls > 0
        if refuses:
            assert calls <= 2, "one refusal in each direction is enough"


async def test_a_devbox_that_is_not_ready_asks_to_come_again(within: Inside) -> None:
    command = "until [ -e go ]; do sleep 0.01; done"
    identifier = await within.create(tunnel={}, launch_parameters={"launch_commands": [command]})
    await within.reach(identifier, "initializing")
    view = (await within.view(identifier))["tunnel"]
    host = view["url_template"].format(port=80).removeprefix("http://")
    hall = f"http://127.0.0.1:{host.rpartition(':')[2]}"
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        answer = await client.get(hall, headers={"host": host})
    assert (answer.status_code, answer.headers["x-runloop-error-code"]) == (503, "devbox_not_running")
    assert answer.headers["retry-after"] == "1"
    assert "wait until it is running" in answer.text


async def test_a_machine_without_free_ports_says_so(within: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    identifier = await within.create()
    await within.reach(identifier, "running")
    monkeypatch.setattr(listener, "_listening", full)
    answer = await within.api.post(f"/v1/devboxes/{identifier}/enable_tunnel", json={})
    assert answer.status_code == 500
    assert answer.json()["message"] == (
        "cannot open a port of this machine for the tunnel: Too many open files"
    )
