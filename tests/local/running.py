"""Servers for tests: in a process of their own, or within the test."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from pytest_runloop.local.app import App
from pytest_runloop.local.backend import Backend
from pytest_runloop.local.engine.protocol import Engine
from pytest_runloop.local.faults import Faults
from pytest_runloop.local.settings import Settings

from .fake_clock import FakeClock

KEY = "key-of-the-tests"
PATIENCE = 60.0
"""Seconds; the machine may be busy."""
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of `http:` addresses; each that is given none reads all of this machine's."""


@dataclass
class Server:
    """A server process that is ready."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return str(self.ready["base_url"])

    @property
    def api_key(self) -> str:
        """Its key."""
        return str(self.ready["api_key"])

    def client(self) -> httpx.Client:
        """Return an HTTP client for it."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        return httpx.Client(base_url=self.base_url, headers=headers, timeout=PATIENCE, verify=NO_CERTIFICATES)

    def end(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


def command(*arguments: str | Path) -> list[str]:
    """Return the command line of `pytest-runloop`."""
    return [sys.executable, "-m", "pytest_runloop.cli", *map(str, arguments)]


def start(
    state_dir: Path,
    *arguments: str | Path,
    isolation: str = "auto",
    variables: Mapping[str, str] | None = None,
    **how: Any,
) -> Server:
    """Start a server and wait until it is ready.

    :param variables: for its environment. Unless they say otherwise, it uses no container engine.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RUNLOOP_")}
    environment |= {"RUNLOOP_CONTAINER_ENGINE": "none", **(variables or {})}
    line = command("serve", "--state-dir", state_dir, "--isolation", isolation, *arguments)
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment, **how)
    assert process.stdout is not None
    text = process.stdout.readline()
    assert text, f"the server ended with {process.wait(PATIENCE)}"
    return Server(process, json.loads(text))


@contextmanager
def server(
    state_dir: Path,
    *arguments: str | Path,
    isolation: str = "auto",
    variables: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run a server, and check that it ends in order."""
    # Should the tests be killed, it sees the end of its input.
    pipe = subprocess.PIPE
    running = start(
        state_dir, "--until-eof", *arguments, isolation=isolation, variables=variables, stdin=pipe
    )
    try:
        yield running
    finally:
        code = running.end()
        assert running.process.stdout is not None
        assert running.process.stdout.read() == "", "only the ready line belongs on standard output"
        running.process.stdout.close()
        assert running.process.stdin is not None
        running.process.stdin.close()
        assert code == 0


@dataclass
class Inside:
    """A backend within the test, with a client for it."""

    backend: Backend
    api: httpx.AsyncClient
    clock: FakeClock = field(default_factory=FakeClock)

    async def create(self, **params: Any) -> str:
        """Create a devbox and return its id."""
        answer = await self.api.post("/v1/devboxes", json=params)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def reach(self, identifier: str, *statuses: str) -> dict[str, Any]:
        """Wait until a devbox has one of these statuses, and return its view."""
        devbox = self.backend.devbox(identifier)
        while devbox.status not in statuses:
            await devbox.changed.next()
        return await self.view(identifier)

    async def view(self, identifier: str) -> dict[str, Any]:
        """Return a devbox's view."""
        answer = await self.api.get(f"/v1/devboxes/{identifier}")
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view


@asynccontextmanager
async def inside(
    engine: Engine, state_dir: Path, settings: Settings | None = None, plan: str | None = None
) -> AsyncIterator[Inside]:
    """Run a backend within the test, on a clock that stands still.

    :param plan: what happens to devboxes; calls are not touched.
    """
    clock = FakeClock()
    faults = None if plan is None else Faults(plan, clock=clock)
    events = None if faults is None else faults.devboxes
    backend = Backend(engine, state_dir, clock=clock, settings=settings, events=events)
    transport = httpx.ASGITransport(app=App(backend, KEY))
    headers = {"Authorization": f"Bearer {KEY}"}
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://inside", headers=headers) as api:
            yield Inside(backend, api, clock)
    finally:
        if faults is not None:
            faults.close()
        await backend.close()
