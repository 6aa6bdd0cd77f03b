"""The server's key: who has it, and that nobody gets anything without it."""

from __future__ import annotations

import asyncio
import hmac
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_runloop.local import access
from pytest_runloop.local.access import Doorkeeper
from pytest_runloop.local.faults import control
from pytest_runloop.local.handlers import HANDLERS
from tests.local.box import Box
from tests.local.running import KEY, PATIENCE, Server, server

pytestmark = pytest.mark.filterwarnings("error")

_LOCAL = ["/_local/faults", "/_local/faults/rules", "/_local/faults/log", "/_local/gates", "/_local/none"]


def _calls() -> list[tuple[str, str]]:
    """Return verb and path of every endpoint, and of those that only the local backend has."""
    paths = [(each.verb, each.path) for each in HANDLERS]
    paths += [(verb, path) for path in _LOCAL for verb in ("GET", "POST")]
    return [(verb, path.replace("{", "").replace("}", "")) for verb, path in paths]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer x{key}",
        "Bearer {start}",
        "Bearer {key} {key}",
        "Bearer \xe9",
    ],
)
def test_no_route_answers_without_the_key(faulty_server: Server, header: str | None) -> None:
    key = faulty_server.api_key
    headers = {} if header is None else {"Authorization": header.format(key=key, start=key[:-1])}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    with httpx.Client(base_url=faulty_server.base_url, timeout=PATIENCE) as client:
        for verb, path in _calls():
            answer = client.request(verb, path, headers=raw, content=b"{}" if verb == "POST" else None)
            assert answer.status_code == 401, (verb, path)
            assert key not in answer.text
            assert key not in str(answer.headers)


@pytest.fixture(scope="module")
def faulty_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with the routes of faults too."""
    with server(tmp_path_factory.mktemp("faulty"), "--faults", "seed=1", isolation="process") as running:
        yield running


def test_a_key_in_the_address_is_none(faulty_server: Server) -> None:
    with httpx.Client(base_url=faulty_server.base_url, timeout=PATIENCE) as client:
        for name in ("key", "api_key", "token", "access_token", "bearer"):
            answer = client.get("/v1/devboxes", params={name: faulty_server.api_key})
            assert answer.status_code == 401


@pytest.mark.parametrize("module", [access, control])
def test_keys_are_compared_in_constant_time(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, wanted: bytes) -> bool:
        asked.append((given, wanted))
        return hmac.compare_digest(given, wanted)

    monkeypatch.setattr(module, "hmac", type("hmac", (), {"compare_digest": staticmethod(compare)}))
    if module is access:
        _authorise()
    else:
        _control()
    assert [(b"wrong" in given, KEY.encode() in wanted) for given, wanted in asked] == [(True, True)]


def _request() -> Any:
    from starlette.requests import Request

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [
        (b"authorization", b"Bearer wrong")]}  # fmt: skip
    return Request(scope)


def _authorise() -> None:
    door = Doorkeeper(KEY, lambda _: None)
    with pytest.raises(Exception, match="not this server's"):
        door.caller(_request().headers["authorization"])


def _control() -> None:
    sent: list[Any] = []

    async def never(*_: Any) -> Any:
        raise AssertionError("it must not be reached")

    async def ask() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        await control.guarded(never, KEY)(_request().scope, never, send)

    asyncio.run(ask())
    assert sent[0]["status"] == 401


# In a devbox

_SEARCH = """
import os, sys, glob
needle = sys.argv[1].encode()[::-1]
places = [f"/proc/{name}/{file}" for name in os.listdir("/proc") if name.isdigit()
          for file in ("cmdline", "environ", "comm", "mountinfo", "cwd/backend.json", "task/1/environ")]
for root, _, names in (entry for top in sys.argv[2:] for entry in os.walk(top)):
    places += [os.path.join(root, name) for name in names]
looked = 0
for place in places:
    try:
        with open(place, "rb") as file:
            looked += 1
            if needle in file.read(1 << 20):
                print("FOUND", place)
    except OSError:
        pass
print("looked", looked > 5)
"""


def _search(devbox: Box, key: str, *places: str) -> str:
    """Look for the key in all that a devbox can read. It is handed in backwards."""
    body = {"file_path": "search.py", "contents": _SEARCH}
    assert devbox.post("write_file_contents", body).status_code == 200
    command = f"python3 search.py {key[::-1]} {' '.join(places)}"
    return devbox.text(command)


def test_the_key_is_nowhere_that_a_devbox_can_look(
    tier_server: Server, tier_api: httpx.Client, tmp_path: Path
) -> None:
    note = tmp_path / "backend.json"
    note.write_text(json.dumps(tier_server.ready))  # As the run's own, with the key in it.
    note.chmod(0o600)
    confined = "confined-writes" in tier_server.ready["capabilities"]
    devbox = Box.create(tier_api)
    try:
        places = ["/root", "/tmp", "/home", "/run", str(tmp_path)] if confined else ["~"]
        assert _search(devbox, tier_server.api_key, *places) == "looked True\n"
    finally:
        devbox.end()


def test_the_key_is_on_no_command_line_and_in_no_environment(tier_server: Server) -> None:
    needle = tier_server.api_key.encode()
    pids = [tier_server.process.pid, *_children(tier_server.process.pid)]
    assert len(pids) > 1
    for pid in pids:
        for file in ("cmdline", "environ"):
            assert needle not in _read(Path(f"/proc/{pid}/{file}")), (pid, file)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except PermissionError:  # Of a process that nobody but root may look into.
        return b""


def _children(pid: int) -> list[int]:
    lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for children in lists for child in children.split()]


def test_a_devbox_that_reaches_the_server_gets_nothing_from_it(
    tier_server: Server, tier_api: httpx.Client
) -> None:
    script = (
        "import urllib.request, urllib.error\n"
        "try:\n"
        f"    print(urllib.request.urlopen('{tier_server.base_url}/v1/devboxes', timeout=20).status)\n"
        "except urllib.error.HTTPError as error:\n"
        "    print(error.code)\n"
        "except OSError:\n"
        "    print('no way')\n"
    )
    devbox = Box.create(tier_api)
    try:
        assert devbox.post("write_file_contents", {"file_path": "ask.py", "contents": script}).is_success
        assert devbox.text("python3 ask.py") in ("401\n", "no way\n")
    finally:
        devbox.end()


def test_the_key_is_in_no_view_no_log_and_no_error(tier_server: Server, tier_api: httpx.Client) -> None:
    devbox = Box.create(tier_api)
    try:
        devbox.run("env; exit 3")
        said = [
            tier_api.get(f"/v1/devboxes/{devbox.id}").text,
            tier_api.get(f"/v1/devboxes/{devbox.id}/logs").text,
            tier_api.get("/v1/devboxes/none").text,
            devbox.post("read_file_contents", {"file_path": "/none"}).text,
        ]
        assert not any(tier_server.api_key in text for text in said)
    finally:
        devbox.end()
