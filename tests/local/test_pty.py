"""Terminals in devboxes: by name, over a WebSocket, kept while their client is away."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from pytest_runloop import BadRequestError, Runloop
from pytest_runloop.local.engine.select import open_engine
from pytest_runloop.local.settings import Settings

from .box import Box, ok, refused
from .faulty import Faulty
from .running import Inside, Server, inside, server
from .sitting import Tunnel, tunnel

PLAIN = "PS1='> '; unset PROMPT_COMMAND; bind 'set enable-bracketed-paste off' 2>/dev/null"


@pytest.fixture
def way(box: Box) -> Iterator[Tunnel]:
    """A tunnel to a devbox of one's own."""
    with tunnel(box) as made:
        yield made


def refusal(way: Tunnel, path: str, **headers: str) -> tuple[int, str]:
    """Return status and code with which a WebSocket is refused."""
    with pytest.raises(InvalidStatus) as caught:
        way.attach(path, **headers)
    response = caught.value.response
    return response.status_code, response.headers.get("x-runloop-error-code", "")


def test_a_shell_is_at_a_terminal_of_its_own_in_the_devbox(api: httpx.Client) -> None:
    box = Box.create(api, environment_variables={"GIVEN": "a value"})
    with tunnel(box) as way, way.sit("one", cols=100, rows=30) as seat:
        seat.run(PLAIN)
        assert seat.run("stty size") == "30 100\r\n"
        assert seat.run("tty").startswith("/dev/pts/")
        assert seat.run('echo "$GIVEN $TERM"') == "a value xterm-256color\r\n"
        assert seat.run("echo typed > here") == ""
        assert "Running" in seat.run("sleep 600 & jobs; kill %1; wait")
        seat.type("bash -c 'echo rea\"\"dy; exec sleep 600'\r")
        seat.until("ready\r\n")
        seat.type("\x03")
        assert seat.run("echo ä") == "ä\r\n"
    assert box.text("cat here") == "typed\n"
    box.end()


@pytest.mark.parametrize("isolation", ["landlock", "process"])
def test_a_shell_is_at_a_terminal_where_devboxes_have_no_root_of_their_own(
    isolation: str, tmp_path: Path
) -> None:
    with server(tmp_path, isolation=isolation) as running, running.client() as api:
        box = Box.create(api)
        with tunnel(box) as way, way.sit("one") as seat:
            seat.run(PLAIN)
            assert seat.run("stty size; : </dev/tty && echo mine") == "24 80\r\nmine\r\n"
            loop = "while :; do sleep 0.05; done"
            seat.type(f'bash -c \'trap "echo got it" USR1; echo rea""dy; {loop}\'\r')
            seat.until("ready\r\n")
            assert ok(way.control("one", action="signal", signal="SIGUSR1"))["status"] == "running"
            seat.until("got it\r\n")
        box.end()


def test_a_size_is_given_to_what_runs_in_the_foreground(way: Tunnel) -> None:
    with way.sit("one") as seat:
        seat.run(PLAIN)
        seat.type('bash -c \'trap "stty size" WINCH; echo rea""dy; while :; do sleep 0.05; done\'\r')
        seat.until("ready\r\n")
        assert ok(way.control("one", action="resize", cols=132, rows=50)) == {
            "session_name": "one",
            "status": "running",
        }
        assert seat.until("50 132\r\n")
    assert [way.connect("one")[key] for key in ("created", "cols", "rows")] == [False, 132, 50]
    assert [way.connect("one", cols=90, rows=40)[key] for key in ("cols", "rows")] == [90, 40]


def test_a_signal_goes_to_what_runs_in_the_foreground_and_not_to_the_shell(way: Tunnel) -> None:
    with way.sit("one") as seat:
        seat.run(PLAIN)
        seat.type('bash -c \'trap "exit 7" TERM; echo rea""dy; while :; do sleep 0.05; done\'; echo st=$?\r')
        seat.until("ready\r\n")
        assert way.control("one", action="signal", signal="SIGTERM").status_code == 200
        seat.until("st=7\r\n")
        assert seat.run("echo alive") == "alive\r\n"
        seat.type("exit\r")
        assert seat.closed() == (1000, "the shell has ended")
    refused(way.control("one", action="signal", signal="SIGTERM"), 400, "no_foreground", "`one`")
    assert way.connect("one")["created"], "the name is free for another"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, ["`action`", "missing"]),
        ({"action": "sing"}, ["`action`", "resize"]),
        ({"action": "resize", "cols": 80}, ["`rows`", "missing"]),
        ({"action": "resize", "cols": 0, "rows": 24}, ["`cols`", "1 to 1000", "0"]),
        ({"action": "resize", "cols": 80, "rows": 1001}, ["`rows`", "1001"]),
        ({"action": "resize", "cols": "80", "rows": 24}, ["`cols`"]),
        ({"action": "signal"}, ["`signal`", "SIGTERM"]),
        ({"action": "signal", "signal": "TERM"}, ["`signal`", "`TERM`"]),
        ({"action": "signal", "signal": "SIG_IGN"}, ["`signal`"]),
        ({"action": "close", "column": 80}, ["`column`", "did you mean `cols`"]),
    ],
)
def test_what_cannot_be_done_to_a_terminal_is_said(
    shared: Box, params: dict[str, Any], words: list[str]
) -> None:
    with tunnel(shared) as way:
        way.connect("asked")
        refused(way.control("asked", **params), 400, "invalid_request", *words)
        refused(way.control("none", action="close"), 404, "not_found", "`none`")


def test_a_client_that_comes_back_finds_the_shell_and_what_it_showed(way: Tunnel, box: Box) -> None:
    with way.sit("kept") as seat:
        seat.run(f"{PLAIN}; NOTED=noted")
        seat.type("until [ -e go ]; do sleep 0.05; done; echo wh''ile away; touch done\r")
    assert not way.connect("kept")["attached"]
    box.write("go", "")
    box.text("until [ -e done ]; do sleep 0.05; done")
    with way.sit("kept") as seat:
        assert way.connect("kept")["attached"]
        seat.until("while away\r\n")
        assert seat.run("echo $NOTED") == "noted\r\n"


def test_of_much_that_is_shown_to_nobody_the_end_is_kept(way: Tunnel, box: Box) -> None:
    with way.sit("long") as seat:
        seat.run(PLAIN)
        seat.type("until [ -e go ]; do sleep 0.05; done; seq 200000; touch done\r")
    box.write("go", "")
    box.text("until [ -e done ]; do sleep 0.05; done")
    with way.sit("long") as seat:
        text = seat.until("\r\n200000\r\n")
    assert 200_000 < len(text) < 300_000
    numbers = [int(line) for line in text.splitlines()[1:-1]]
    assert numbers == list(range(numbers[0], 200_000))


def test_all_of_much_that_is_shown_arrives_however_slow_its_client_is(way: Tunnel) -> None:
    with way.sit("long") as seat:
        seat.run(PLAIN)
        assert [int(line) for line in seat.run("seq 60000").splitlines()] == list(range(1, 60_001))


def test_a_terminal_has_one_client_at_a_time(way: Tunnel) -> None:
    with way.sit("one") as seat:
        seat.run("true")
        again = way.connect("one", cols=10, rows=10)
        assert (again["attached"], again["cols"]) == (True, 80)
        assert refusal(way, again["connect_url"], **way.headers) == (409, "session_attached")
        assert seat.run("echo still here") == "still here\r\n"
        with way.sit("two") as other:
            other.run("true")


def test_what_runs_hears_that_its_terminal_was_closed(way: Tunnel, box: Box) -> None:
    with way.sit("one") as seat:
        seat.run("NOTED=noted")
        seat.type('bash -c \'trap "touch heard; exit" HUP; echo rea""dy; while :; do sleep 0.05; done\'\r')
        seat.until("ready\r\n")
        assert ok(way.control("one", action="close")) == {"session_name": "one", "status": "closed"}
        assert seat.closed() == (1000, "the session was closed")
    box.text("until [ -e heard ]; do sleep 0.05; done")
    assert way.connect("one")["created"]
    with way.sit("one") as seat:
        assert seat.run("echo [$NOTED]") == "[]\r\n"


def test_terminals_end_with_the_processes_of_their_devbox(way: Tunnel, box: Box) -> None:
    with way.sit("one") as seat:
        seat.run("true")
        ok(box.post("suspend"))
        assert seat.closed() == (1001, "the devbox runs no more")
    box.wait("suspended")
    refused(way.http.get("/pty/one"), 400, "devbox_not_running", "suspended")
    refused(box.post("create_pty_tunnel"), 400, "devbox_not_running")
    ok(box.post("resume"))
    box.wait("running")
    assert way.connect("one")["created"]
    with way.sit("one") as seat:
        seat.run("true")
        ok(box.api.post(f"/_local/devboxes/{box.id}/reset"))
        assert seat.closed() == (1001, "the devbox runs no more")
    refused(way.http.get("/pty/one"), 401, "unauthorized")
    with tunnel(box) as anew, anew.sit("one") as seat:
        seat.run("true")
        box.end()
        assert seat.closed() == (1001, "the devbox runs no more")
        refused(anew.http.get("/pty/one"), 401, "unauthorized")


def test_a_terminal_that_is_made_while_its_devbox_ends_is_none(faulty: Faulty) -> None:
    faulty.plan('gate:command="bash -i":name=g')
    box = faulty.create()
    with tunnel(box) as way, ThreadPoolExecutor() as pool:
        making = pool.submit(way.http.get, "/pty/one")
        assert [who["devbox_id"] for who in faulty.held("g")] == [box.id]
        ok(box.post("suspend"))
        box.wait("suspended")
        faulty.release("g")
        refused(making.result(), 400, "devbox_not_running", "open a terminal")
        ok(box.post("resume"))
        box.wait("running")
        again = pool.submit(way.http.get, "/pty/one")
        faulty.held("g")
        box.end()
        faulty.release("g")
        refused(again.result(), 400, "devbox_not_running")


def test_a_client_that_types_what_nobody_reads_is_sent_away(way: Tunnel) -> None:
    with way.sit("one") as seat:
        seat.run(PLAIN)
        seat.type("stty raw -echo; echo rea''dy; sleep 600\r")
        seat.until("ready\n")
        for _ in range(3):
            seat.type("x" * 1_000_000)
        assert seat.closed()[0] == 1008
    assert way.connect("one")["created"] is False


@pytest.mark.parametrize("name", ["a b", "ä", "a.b", "a%2Fb", "x" * 257, "%20"])
def test_a_name_must_be_possible(shared: Box, name: str) -> None:
    with tunnel(shared) as way:
        refused(way.http.get(f"/pty/{name}"), 400, "invalid_request", "`session_name`")


@pytest.mark.parametrize(
    "size", [{"cols": 50}, {"rows": 50}, {"cols": 0, "rows": 50}, {"cols": 50, "rows": 1001}]
)
def test_half_a_size_or_an_impossible_one_is_none(shared: Box, size: dict[str, int]) -> None:
    with tunnel(shared) as way:
        view = way.connect("sized", **size)
        assert (view["cols"], view["rows"]) == (80, 24)
        ok(way.control("sized", action="close"))


def test_a_token_opens_the_terminals_of_its_devbox_and_nothing_else(
    backend: Server, api: httpx.Client, box: Box, way: Tunnel
) -> None:
    path = way.connect("mine")["connect_url"]
    other = Box.create(api)
    with tunnel(other) as stranger:
        assert stranger.connect("theirs")["created"]
        refused(stranger.control("mine", action="close"), 404, "not_found")
        assert refusal(stranger, path) == (404, "not_found")
        refused(stranger.http.get("/v1/devboxes"), 401, "unauthorized")
    other.end()
    wrong = {"Authorization": "Bearer wrong"}
    key = {"Authorization": f"Bearer {backend.api_key}"}
    assert refusal(way, path, **wrong) == refusal(way, path, **key) == (401, "unauthorized")
    refused(httpx.get(f"{backend.base_url}/pty/mine", headers=wrong), 401, "unauthorized")
    refused(api.get("/pty/mine"), 400, "pty_tunnel_needed", "create_pty_tunnel")
    refused(api.post("/pty/mine/control", json={"action": "close"}), 400, "pty_tunnel_needed")
    assert way.view["auth_token"] not in str(box.view()) + str(box.logs())


def test_a_token_may_come_beside_the_key_and_by_the_host_name_of_its_tunnel(
    api: httpx.Client, box: Box, way: Tunnel
) -> None:
    beside = {"X-Runloop-Tunnel-Authorization": f"Bearer {way.view['auth_token']}"}
    assert ok(api.get("/pty/one", headers=beside))["created"]
    host = f"13-{way.view['tunnel_key']}.localhost:1"
    assert ok(way.http.get("/pty/one", headers={"Host": host}))["created"] is False
    with tunnel(box) as second:
        refused(second.http.get("/pty/one", headers={"Host": host}), 401, "unauthorized")
        assert not second.connect("one")["created"], "both lead to the same devbox"
    with way.attach("/pty/one/attach", **beside) as socket:
        assert socket.recv(timeout=20)


def test_only_a_terminal_is_a_web_socket(way: Tunnel, backend: Server) -> None:
    assert refusal(way, "/pty/one/other") == (404, "not_found")
    assert refusal(way, "/pty/never-made/attach") == (404, "not_found")
    key = {"Authorization": f"Bearer {backend.api_key}"}
    assert refusal(way, "/v1/devboxes", **key) == (200, "")
    assert refusal(way, "/v1/devboxes") == (401, "unauthorized")


def test_our_client_makes_and_steers_terminals(backend: Server, box: Box) -> None:
    with Runloop(backend.base_url, backend.api_key) as client:
        way = client.devbox.from_id(box.id).net.create_pty_tunnel()
        assert way.auth_token not in repr(way)
        with pytest.raises(BadRequestError, match="create_pty_tunnel"):
            client.pty.connect("one")
    with Runloop(way.url, way.auth_token) as there:
        assert there.pty.connect("one", cols=90, rows=20).cols == 90
        assert there.pty.control("one", action="close").status == "closed"


@pytest.mark.asyncio
async def test_a_terminal_waits_for_its_client_for_some_time_only(tmp_path: Path) -> None:
    settings = Settings(pty_idle=60, pty_sessions=1)
    async with inside(await open_engine("process", tmp_path), tmp_path, settings) as within:
        headers = await token(within)
        view = ok(await within.api.get("/pty/one", headers=headers))
        assert (view["created"], view["idle_ttl_seconds"]) == (True, 60)
        await within.clock.advance(59)
        assert ok(await within.api.get("/pty/one", headers=headers))["created"] is False
        refused(await within.api.get("/pty/two", headers=headers), 503, "pty_unavailable", "close some")
        await within.clock.advance(60)
        close = {"action": "close"}
        refused(
            await within.api.post("/pty/one/control", json=close, headers=headers), 404, "not_found", "`one`"
        )
        assert ok(await within.api.get("/pty/two", headers=headers))["created"]


async def token(within: Inside) -> dict[str, str]:
    """Make a devbox, and return the headers of requests to its terminals."""
    identifier = await within.create()
    await within.reach(identifier, "running")
    view = ok(await within.api.post(f"/v1/devboxes/{identifier}/create_pty_tunnel"))
    return {"Authorization": f"Bearer {view['auth_token']}"}
