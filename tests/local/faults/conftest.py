"""A toy server for all tests of a process, and a client of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from ..running import NO_CERTIFICATES
from .toy import KEY, ToyServer, serving
from .wire import Seen, exchange


def awaited(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, and fail if it does not within half a minute."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 30 s"
        time.sleep(0.01)


class Toy:
    """The toy server as a test sees it. Every test begins with an empty plan."""

    def __init__(self, server: ToyServer, http: httpx.Client) -> None:
        self.port = server.port
        self.http = http
        self._log_began = self.get("/_local/faults/log")["last"]

    def get(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()

    def post(self, path: str, body: object = None) -> Any:
        return self.http.post(path, json={} if body is None else body).raise_for_status().json()

    def plan(self, text: str) -> None:
        self.post("/_local/faults", {"text": text})

    def log(self) -> list[dict[str, Any]]:
        faults: list[dict[str, Any]] = self.get(f"/_local/faults/log?after={self._log_began}")["faults"]
        return faults

    def create(self, name: str | None = None) -> str:
        devbox_id: str = self.post("/v1/devboxes", {"name": name})["id"]
        return devbox_id

    def work(self) -> list[str]:
        work: list[str] = self.get("/look")["work"]
        return work

    def wire(self, verb: str, path: str, body: bytes = b"", **how: Any) -> Seen:
        return exchange(self.port, verb, path, body, **how)


@pytest.fixture(scope="session")
def toy_server() -> Iterator[ToyServer]:
    with serving() as server:
        yield server


@pytest.fixture
def toy(toy_server: ToyServer, caplog: pytest.LogCaptureFixture) -> Iterator[Toy]:
    with httpx.Client(
        base_url=f"http://127.0.0.1:{toy_server.port}",
        headers={"authorization": f"Bearer {KEY}"},
        timeout=60,
        trust_env=False,
        verify=NO_CERTIFICATES,
    ) as http:
        toy = Toy(toy_server, http)
        toy.plan("")
        toy.post("/v1/devboxes")
        http.post("/forget")
        yield toy
        toy.plan("")
    # A fault is no failure of the server: it has nothing to complain of.
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelno >= 30] == []
