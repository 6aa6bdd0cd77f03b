"""Tunnels of both generations to a service in a devbox, against the same service on this machine itself."""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pytest_runloop import Devbox

from .figures import Figure, interleaved
from .local import backend

SIZE = 300_000_000
ROUNDS = 7
REQUESTS = 200
_BLOCK = bytes(1 << 20)

# Leaves as much of the machine as possible to the tunnel: blocks of 1 MiB, and one write for a small answer.
_SERVICE = """
import os, socket, threading
block = bytes(1 << 20)
def serve(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader = connection.makefile("rb")
    while start := reader.readline():
        fields = dict(line.decode().lower().split(": ", 1) for line in iter(reader.readline, b"\\r\\n"))
        left, room = int(fields.get("content-length", 0)), memoryview(bytearray(1 << 20))
        while left:
            left -= reader.readinto1(room[: min(left, 1 << 20)])
        left = int(start.split()[1][1:])
        answer = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % left
        if left <= 1 << 20:
            answer, left = answer + block[:left], 0
        connection.sendall(answer)
        while left:
            left -= connection.send(block[: min(left, 1 << 20)])
with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
    with open("port.new", "w") as file:
        file.write(str(listener.getsockname()[1]))
    os.rename("port.new", "port")
    while True:
        threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
"""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the service."""

    netloc: str
    host: str

    def connection(self) -> http.client.HTTPConnection:
        """Return a new connection."""
        return http.client.HTTPConnection(self.netloc)

    def request(self, connection: http.client.HTTPConnection, answer: int = 5, body: int = 0) -> None:
        """Send a body of this size, and read an answer of that one."""
        connection.putrequest("POST", f"/{answer}", skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", self.host)
        connection.putheader("Content-Length", str(body))
        connection.endheaders()
        while body:
            body -= min(body, len(_BLOCK))
            connection.send(_BLOCK)
        response = connection.getresponse()
        room = bytearray(1 << 20)
        received = 0
        while count := response.readinto(room):
            received += count
        assert received == answer

    def down(self) -> None:
        """Read a large answer."""
        self.request(self.connection(), answer=SIZE)

    def up(self) -> None:
        """Send a large body."""
        self.request(self.connection(), body=SIZE - SIZE % len(_BLOCK))

    def kept(self) -> None:
        """Make small requests on one connection."""
        connection = self.connection()
        for _ in range(REQUESTS):
            self.request(connection)
        connection.close()

    def fresh(self) -> None:
        """Make small requests on a connection each."""
        for _ in range(REQUESTS):
            connection = self.connection()
            self.request(connection)
            connection.close()


def measure() -> list[Figure]:
    """Measure throughput in both directions, and what a tunnel adds to a small request."""
    with (
        backend() as running,
        running.client() as client,
        client.devbox.create() as devbox,
        _outside() as direct,
    ):
        by_port, by_key = _ways(devbox)
        ways = {"direct": direct, "by_port": by_port, "by_key": by_key}
        taken = {
            action: interleaved(ROUNDS, **{name: getattr(way, action) for name, way in ways.items()})
            for action in ("down", "up", "kept", "fresh")
        }
    return [
        figure
        for name, words in (("by_port", "create_tunnel"), ("by_key", "enable_tunnel"))
        for figure in (
            _share(f"{SIZE // 10**6} MB out through `{words}`", taken["down"], name),
            _share(f"{SIZE // 10**6} MB in through `{words}`", taken["up"], name),
            _added(f"`{words}`, small request on a kept connection", taken["kept"], name),
            _added(f"`{words}`, small request on a new connection", taken["fresh"], name),
        )
    ]


@contextmanager
def _outside() -> Iterator[Way]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "port")
        with subprocess.Popen([sys.executable, "-c", _SERVICE], cwd=folder) as service:
            try:
                while not place.exists():
                    time.sleep(0.01)
                netloc = f"127.0.0.1:{place.read_text()}"
                yield Way(netloc, netloc)
            finally:
                service.kill()


def _ways(devbox: Devbox) -> tuple[Way, Way]:
    devbox.file.write(file_path="service.py", contents=_SERVICE)
    devbox.cmd.exec_async("exec python3 service.py")
    port = int(devbox.cmd.exec("until [ -e port ]; do sleep 0.01; done; cat port").check().stdout())
    by_port = urlsplit(devbox.net.create_tunnel(port=port).url).netloc
    template = devbox.net.enable_tunnel().url_template
    assert template is not None
    by_key = urlsplit(template.format(port=port)).netloc
    hall = f"127.0.0.1:{by_key.rpartition(':')[2]}"
    return Way(by_port, by_port), Way(hall, by_key)


def _share(what: str, taken: dict[str, float], name: str) -> Figure:
    rates = {way: SIZE / milliseconds / 1e6 for way, milliseconds in taken.items()}
    detail = f"{rates[name]:.2f} GB/s against {rates['direct']:.2f} GB/s direct"
    return Figure(
        f"{what}: share of the direct throughput", rates[name] / rates["direct"], "x", 0.5, detail, True
    )


def _added(what: str, taken: dict[str, float], name: str) -> Figure:
    each = {way: milliseconds / REQUESTS for way, milliseconds in taken.items()}
    detail = f"{each[name]:.2f} ms against {each['direct']:.2f} ms direct"
    return Figure(f"{what}: added", each[name] - each["direct"], "ms", 2, detail)
