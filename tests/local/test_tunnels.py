"""Tunnels to services in devboxes: what travels through them, and how they are made and end."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.sync.client import connect

from .box import Box, ok, refused
from .running import NO_CERTIFICATES, PATIENCE, Server, server

_SERVICE = Path(__file__).with_name("service.py")


def serve(box: Box) -> int:
    """Start the service in a devbox, and return its port once it listens."""
    box.write("service.py", _SERVICE.read_text())
    box.text("rm -f port")
    box.begin("exec python3 service.py 0")
    return listening(box)


def listening(box: Box) -> int:
    """Wait until the service of a devbox listens, and return its port."""
    box.text("until [ -e port ]; do sleep 0.01; done")
    return int(box.read("port").text)


def tunnel(box: Box, port: int) -> str:
    """Give a port an address, and return it."""
    return str(ok(box.post("create_tunnel", {"port": port}))["url"])


def address(url: str) -> tuple[str, int]:
    """Return where a URL leads to."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def said(url: str, request: bytes, *, half_close: bool = False) -> bytes:
    """Send bytes to an address, and return all that comes until the other side closes."""
    with socket.create_connection(address(url), PATIENCE) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def service(api: httpx.Client) -> Iterator[Box]:
    """A devbox with the service, for tests that leave it as it is."""
    box = Box.create(api)
    yield box
    box.end()


@pytest.fixture(scope="module")
def port(service: Box) -> int:
    """The service's port."""
    return serve(service)


@pytest.fixture(scope="module")
def url(service: Box, port: int) -> str:
    """The service's address from outside."""
    return tunnel(service, port)


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    """A client of the service."""
    with httpx.Client(base_url=url, timeout=PATIENCE, verify=NO_CERTIFICATES) as client:
        yield client


# What travels


def test_a_request_comes_through(http: httpx.Client) -> None:
    assert http.get("/hello").text == "hello\n"
    assert http.post("/echo", content=b"\x00\xff").content == b"\x00\xff"


def test_many_requests_travel_on_one_connection(url: str) -> None:
    head = b"GET /hello HTTP/1.1\r\nHost: x\r\n%b\r\n"
    answers = said(url, head % b"" + head % b"" + head % b"Connection: close\r\n")
    assert answers.count(b"HTTP/1.1 200 OK") == answers.count(b"hello\n") == 3


def test_an_answer_to_head_has_no_body(http: httpx.Client) -> None:
    answer = http.head("/hello")
    assert (answer.headers["content-length"], answer.content) == ("6", b"")
    assert http.get("/hello").text == "hello\n"


def test_an_answer_without_a_size_ends_with_the_connection(http: httpx.Client) -> None:
    assert http.get("/endless").text == "to the end"


def test_chunks_come_through_in_both_directions(http: httpx.Client) -> None:
    lines = "".join(f"{number}\n" for number in range(5000))
    assert http.get("/chunked/5000").text == lines
    answer = http.post("/echo", content=(line.encode() for line in lines.splitlines(keepends=True)))
    assert answer.text == lines
    assert http.get("/hello").text == "hello\n"


def test_a_large_body_goes_in_whole(http: httpx.Client) -> None:
    block, count = bytes(range(256)) * 1024, 400
    digest = hashlib.sha256(block * count).hexdigest()
    sized = {"content-length": str(len(block) * count)}
    for headers in ({}, sized):  # In chunks, and of a known size.
        answer = http.post("/digest", content=(block for _ in range(count)), headers=headers)
        assert answer.json() == {"size": len(block) * count, "sha256": digest}


def test_a_large_body_comes_out_whole(http: httpx.Client) -> None:
    with http.stream("GET", f"/large/{100_000_000}") as answer:
        assert sum(len(piece) for piece in answer.iter_raw()) == 100_000_000


def test_the_server_does_not_hold_what_a_client_does_not_read(backend: Server, url: str) -> None:
    before = _resident(backend.ready["pid"])
    with socket.create_connection(address(url), PATIENCE) as connection:
        connection.sendall(b"GET /large/10000000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        taken = 0
        while taken < 50_000_000:
            taken += len(connection.recv(1 << 20))
        assert _resident(backend.ready["pid"]) - before < 20_000_000


def _resident(pid: int) -> int:
    """Return how much memory a process has, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_events_come_while_they_are_made(service: Box, http: httpx.Client) -> None:
    with http.stream("GET", "/events/3") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = answer.iter_lines()
        for number in range(3):
            assert next(lines) == f"data: {number}"
            assert next(lines) == ""
            service.write("go", "")
        assert list(lines) == []


def test_hints_come_before_the_answer(url: str) -> None:
    heard = said(url, b"GET /interim HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 103 Early Hints\r\n")
    assert heard.endswith(b"after the hint")


def test_an_early_answer_is_read_although_the_body_is_still_coming(http: httpx.Client) -> None:
    answer = http.post("/early", content=b"x" * 10_000_000)
    assert (answer.status_code, answer.text) == (413, "too much")


def test_a_client_may_ask_whether_to_send_its_body(url: str) -> None:
    with socket.create_connection(address(url), PATIENCE) as connection:
        connection.sendall(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"ok")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_websocket_messages_go_both_ways(url: str) -> None:
    with connect(url.replace("http", "ws") + "/websocket", max_size=None) as websocket:
        for message in ("hello", b"\x00\xff", "x" * 70_000, "ä" * 300):
            websocket.send(message)
            assert websocket.recv(PATIENCE) == message


def test_after_an_upgrade_any_bytes_and_half_closes_come_through(url: str) -> None:
    upgrade = b"GET /raw HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"
    heard = said(url, upgrade + b"\x00\xffGET / HTTP/1.1\r\n\r\n" + b"a" * 1_000_000, half_close=True)
    head, _, rest = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert rest == b"\x00\xffGET / HTTP/1.1\r\n\r\n" + b"A" * 1_000_000 + b"BYE"


def test_a_refused_upgrade_leaves_the_connection_as_it_was(url: str) -> None:
    head = b"GET /%b HTTP/1.1\r\nHost: x\r\nConnection: %b\r\nUpgrade: raw\r\n\r\n"
    heard = said(url, head % (b"stubborn", b"Upgrade") + head % (b"hello", b"close"))
    assert heard.count(b"HTTP/1.1 200 OK") == 2
    assert heard.endswith(b"hello\n")


def test_a_client_may_close_its_side_before_the_answer(url: str) -> None:
    heard = said(url, b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", half_close=True)
    assert heard.endswith(b"hello\n")


def test_a_client_that_leaves_ends_the_connection_inside(service: Box, url: str, port: int) -> None:
    with httpx.Client(base_url=url, timeout=PATIENCE) as client, client.stream("GET", "/events/2") as answer:
        assert next(answer.iter_lines()) == "data: 0"
    service.write("go", "")
    connections = f"grep -c '^ *[0-9]*: 0100007F:{port:04X} [0-9A-F:]* 01 ' /proc/net/tcp"
    service.text(f"while [ $({connections}) != 0 ]; do sleep 0.01; rm -f go; touch go; done; rm -f go")


def test_what_is_no_http_comes_out_as_it_is(url: str) -> None:
    request = b"GET /noise HTTP/1.1\r\nHost: x\r\n\r\n"
    assert said(url, request) == b"\x00\x01noise\r\n\r\n\xff"


def test_two_devboxes_may_serve_on_the_same_port(api: httpx.Client, backend: Server) -> None:
    if "private-ports" not in backend.ready["capabilities"]:
        pytest.skip(f"the {backend.ready['isolation']} tier lacks `private-ports`")
    boxes = [Box.create(api) for _ in range(2)]
    for box in boxes:
        box.write("index.html", box.id)
        box.begin("exec python3 -m http.server 8000")
        box.text("until (: </dev/tcp/127.0.0.1/8000) 2>/dev/null; do sleep 0.01; done")
        assert httpx.get(tunnel(box, 8000), timeout=PATIENCE).text == box.id
    for box in boxes:
        box.end()


def test_many_clients_at_once_do_not_meet(url: str) -> None:
    def call(number: int) -> bool:
        content = str(number).encode() * 20_000
        with httpx.Client(timeout=PATIENCE, verify=NO_CERTIFICATES) as client:
            return client.post(f"{url}/echo", content=content).content == content

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(call, range(200)))


# What a tunnel says itself


def _told(answer: httpx.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.headers.get("x-runloop-error-code")) == (status, code), answer.text
    return answer.text


def test_where_nothing_listens_the_answer_says_what_to_do(service: Box) -> None:
    with socket.socket() as taken:  # Bound, but not listening: nobody else takes it.
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        text = _told(httpx.get(tunnel(service, port), timeout=PATIENCE), 502, "nothing_listens")
    assert f"port {port} of devbox {service.id}" in text
    assert "start the service" in text


def test_a_service_that_closes_without_an_answer_is_named(http: httpx.Client, port: int) -> None:
    assert f"port {port}" in _told(http.get("/quit"), 502, "no_answer")


@pytest.mark.parametrize(
    "request_head",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nno field\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\nTransfer-Encoding: chunked\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000,
    ],
)
def test_what_is_no_request_is_refused(url: str, request_head: bytes) -> None:
    heard = said(url, request_head)
    assert heard.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"a tunnel takes requests of HTTP/1.1" in heard


def test_a_chunk_without_a_size_ends_the_connection(url: str) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b"200 OK" not in said(url, head + b"none\r\n")


# One tunnel for all ports


@pytest.fixture
def enabled(box: Box) -> tuple[Box, dict[str, Any]]:
    """A devbox with a tunnel that asks for a token."""
    view = ok(box.post("enable_tunnel", {"auth_mode": "authenticated"}))
    return box, view


def by_host(
    view: dict[str, Any], port: int, path: str, host: str | None = None, **headers: str
) -> httpx.Response:
    """Call a service by the host name that holds the tunnel's key."""
    name = urlsplit(view["url_template"].format(port=port)).netloc
    where = f"http://127.0.0.1:{name.rpartition(':')[2]}/{path}"
    return httpx.get(where, headers={"host": host or name, **headers}, timeout=PATIENCE)


def test_a_tunnel_leads_to_every_port_by_the_host_name(box: Box) -> None:
    view = ok(box.post("enable_tunnel", {}))
    assert (view["auth_mode"], view["http_keep_alive"], view["wake_on_http"]) == ("open", True, False)
    assert view["auth_token"] is None
    assert box.view()["tunnel"] == view
    for _ in range(2):
        port = serve(box)
        assert by_host(view, port, "hello").text == "hello\n"
        cloud = f"{port}-{view['tunnel_key']}.tunnel.runloop.ai"
        assert by_host(view, port, "hello", host=cloud.upper()).text == "hello\n"
    ok(box.post("remove_tunnel"))
    assert box.view()["tunnel"] is None
    _told(by_host(view, port, "hello"), 404, "unknown_tunnel")


def test_a_token_is_asked_for_and_never_passed_on(enabled: tuple[Box, dict[str, Any]]) -> None:
    box, view = enabled
    port = serve(box)
    bearer = f"Bearer {view['auth_token']}"
    plain = tunnel(box, port)
    for wrong in ({}, {"authorization": "Bearer x"}, {"authorization": f"Basic {view['auth_token']}"}):
        text = _told(by_host(view, port, "headers", None, **wrong), 401, "unauthorized")
        assert "X-Runloop-Tunnel-Authorization: Bearer" in text
        assert httpx.get(plain, headers=wrong, timeout=PATIENCE).status_code == 401
    today = {"X-Runloop-Tunnel-Authorization": bearer, "Authorization": "Bearer of-the-service"}
    with httpx.Client(timeout=PATIENCE) as client:
        for headers in ({"authorization": bearer}, today, {"AUTHORIZATION": bearer}):
            seen = dict(client.get(f"{plain}/headers", headers=headers).json())
            assert "x-runloop-tunnel-authorization" not in seen
            assert seen.get("authorization") == ("Bearer of-the-service" if headers is today else None)
            assert view["auth_token"] not in json.dumps(seen)
        assert client.get(f"{plain}/headers").status_code == 401, "each request is asked, not the connection"


def test_a_request_without_the_token_is_refused_after_the_answers_before_it(
    enabled: tuple[Box, dict[str, Any]],
) -> None:
    box, view = enabled
    url = tunnel(box, serve(box))
    head = "GET /chunked/3 HTTP/1.1\r\nHost: x\r\n"
    token = f"{head}Authorization: Bearer {view['auth_token']}\r\n\r\n"
    heard = said(url, f"{token}{token}{head}\r\n".encode())
    assert [line for line in heard.split(b"\r\n") if line.startswith(b"HTTP/1.1")] == [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 401 Unauthorized",
    ]


def test_a_connection_stays_with_its_tunnel(box: Box) -> None:
    view = ok(box.post("enable_tunnel", {}))
    first, second = serve(box), serve(box)
    names = [urlsplit(view["url_template"].format(port=port)).netloc.encode() for port in (first, second)]
    where = f"http://127.0.0.1:{names[0].decode().rpartition(':')[2]}"
    heard = said(where, b"".join(b"GET /hello HTTP/1.1\r\nHost: %b\r\n\r\n" % name for name in names))
    assert heard.count(b"hello\n") == 1
    assert b"HTTP/1.1 421 " in heard


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "80-nokey.localhost", "0-x", "99999-x", "-x", ""])
def test_an_unknown_host_is_refused(box: Box, host: str) -> None:
    view = ok(box.post("enable_tunnel"))
    answer = by_host(view, 80, "", host=host or "-")
    assert answer.status_code == 404
    assert "tunnel" in answer.text


def test_a_devbox_may_be_created_with_a_tunnel(api: httpx.Client) -> None:
    box = Box.create(
        api, tunnel={"auth_mode": "authenticated", "http_keep_alive": False, "wake_on_http": True}
    )
    view = box.view()["tunnel"]
    assert (view["auth_mode"], view["http_keep_alive"], view["wake_on_http"]) == (
        "authenticated",
        False,
        True,
    )
    assert view["auth_token"]
    refused(box.post("enable_tunnel"), 400, "tunnel_exists", "has a tunnel already")
    box.end()
    assert box.view()["tunnel"] is None


def test_curl_resolves_the_name_of_a_tunnel(box: Box) -> None:
    view = ok(box.post("enable_tunnel"))
    command = ["curl", "-sS", "--noproxy", "*", view["url_template"].format(port=serve(box)) + "/hello"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except FileNotFoundError:
        pytest.skip("curl is not here")
    assert (done.stdout, done.stderr) == ("hello\n", "")


# Wrong input, and ends


@pytest.mark.parametrize("port", [0, -1, 65_536, "80", 1.5, True, None])
def test_what_is_no_port_is_refused(shared: Box, port: object) -> None:
    refused(shared.post("create_tunnel", {"port": port}), 400, "invalid_request", "`port`")
    refused(shared.post("remove_tunnel", {"port": port}), 400, "invalid_request", "`port`")


def test_wrong_parameters_are_refused(shared: Box) -> None:
    refused(shared.post("create_tunnel", {}), 400, "invalid_request", "`port` is missing")
    refused(shared.post("enable_tunnel", {"auth_mode": "none"}), 400, "invalid_request", "`auth_mode`")
    refused(shared.post("enable_tunnel", {"port": 80}), 400, "invalid_request", "`port` is not known")


def test_what_is_not_there_cannot_be_removed(box: Box) -> None:
    refused(box.post("remove_tunnel"), 404, "tunnel_not_found", "has no tunnel")
    url = tunnel(box, 8000)
    assert tunnel(box, 8000) == url, "a port keeps its address"
    refused(box.post("remove_tunnel", {"port": 80}), 404, "tunnel_not_found", "no tunnel to port 80")
    assert ok(box.post("remove_tunnel", {"port": 8000})) == {}
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, timeout=PATIENCE)


def test_a_devbox_that_does_not_run_gets_no_tunnel(box: Box) -> None:
    box.post("suspend")
    box.wait("suspended")
    for call, body in (("create_tunnel", {"port": 80}), ("enable_tunnel", {})):
        refused(box.post(call, body), 400, "devbox_not_running", "resume it first")
    box.end()
    for call, body in (("create_tunnel", {"port": 80}), ("enable_tunnel", {}), ("remove_tunnel", {})):
        refused(box.post(call, body), 400, "devbox_not_running", "create another one")


def test_removing_a_tunnel_ends_its_connections(box: Box) -> None:
    url = tunnel(box, serve(box))
    with httpx.Client(base_url=url, timeout=PATIENCE) as client, client.stream("GET", "/events/2") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "data: 0"
        ok(box.post("remove_tunnel"))
        with pytest.raises(httpx.RemoteProtocolError):
            list(lines)


def test_tunnels_end_with_their_devbox(box: Box) -> None:
    url = tunnel(box, serve(box))
    view = ok(box.post("enable_tunnel"))
    answers: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(httpx.get(f"{url}/held", timeout=PATIENCE)))
    waiting.start()
    box.text("until [ -e held ]; do sleep 0.01; done")
    box.end()
    waiting.join(PATIENCE)
    _told(answers[0], 502, "no_answer")
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, timeout=PATIENCE)
    assert box.id in _told(by_host(view, 80, "hello"), 410, "devbox_ended")


def test_a_suspended_devbox_says_so_unless_a_request_may_wake_it(box: Box) -> None:
    port = serve(box)
    url = tunnel(box, port)
    box.post("suspend")
    box.wait("suspended")
    text = _told(httpx.get(f"{url}/hello", timeout=PATIENCE), 502, "devbox_not_running")
    assert "is in status `suspended`; resume it first" in text
    assert "wake_on_http=True" in text


_ENTRYPOINT = """
until [ -e service.py ]; do sleep 0.01; done
exec python3 service.py $(cat port || echo 0)
"""


@pytest.mark.parametrize("by_launch_parameters", [False, True])
def test_a_request_wakes_a_suspended_devbox_that_wants_it(
    api: httpx.Client, by_launch_parameters: bool
) -> None:
    lifecycle = {"resume_triggers": {"http": True}} if by_launch_parameters else {}
    box = Box.create(
        api,
        entrypoint=_ENTRYPOINT,
        launch_parameters={"lifecycle": lifecycle},
        tunnel={"wake_on_http": not by_launch_parameters},
    )
    box.write("service.py", _SERVICE.read_text())
    port = listening(box)
    view = box.view()["tunnel"]
    assert view["wake_on_http"]
    box.post("suspend")
    box.wait("suspended")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: by_host(view, port, "hello"), range(4)))
    assert [answer.text for answer in answers] == ["hello\n"] * 4
    assert box.view()["status"] == "running"
    box.end()


# What is left


def _descriptors(pid: int) -> list[str]:
    links = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            links.append(str(link.readlink()))
    return sorted(links)


def test_connections_leave_nothing_in_the_server(backend: Server, box: Box) -> None:
    url = tunnel(box, serve(box))
    httpx.get(f"{url}/hello", timeout=PATIENCE)
    before = len(_descriptors(backend.ready["pid"]))

    def call(number: int) -> None:
        how = number % 4
        if how == 0:
            httpx.get(f"{url}/large/1000000", timeout=PATIENCE, verify=NO_CERTIFICATES)
        elif how == 1:
            said(url, b"nonsense\r\n\r\n")
        elif how == 2:  # Left in the middle of a large answer.
            large = f"{url}/large/100000000"
            with httpx.stream("GET", large, timeout=PATIENCE, verify=NO_CERTIFICATES) as answer:
                next(answer.iter_raw())
        else:
            said(url, b"GET /quit HTTP/1.1\r\nHost: x\r\n\r\n")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(80)))
    ok(box.post("remove_tunnel", {"port": int(box.read("port").text)}))
    # Its own listener has gone too; other tests of this process may hold connections.
    wait_until(lambda: len(_descriptors(backend.ready["pid"])) <= before)


def test_a_server_with_open_tunnels_ends_in_order(tmp_path: Path) -> None:
    with server(tmp_path, isolation="process") as running, running.client() as api:
        box = Box.create(api, tunnel={})
        url = tunnel(box, serve(box))
        quiet = socket.create_connection(address(url), PATIENCE)
        held = socket.create_connection(address(url), PATIENCE)
        held.sendall(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        box.text("until [ -e held ]; do sleep 0.01; done")
    for connection in (quiet, held):
        with connection:
            assert b"200 OK" not in connection.recv(65_536)
