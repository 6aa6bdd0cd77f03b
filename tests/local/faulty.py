"""A server with a plan of faults, and what a test does with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from pytest_runloop import Runloop

from .box import Box, ok
from .running import PATIENCE, Server


@dataclass
class Faulty:
    """The server as one test sees it."""

    server: Server
    api: httpx.Client
    made: list[Box] = field(default_factory=list)
    began: int = 0

    def plan(self, text: str) -> None:
        """Set a plan."""
        ok(self.api.post("/_local/faults", json={"text": text}))
        self.began = ok(self.api.get("/_local/faults/log"))["last"]

    def log(self) -> list[Any]:
        """Return what was done since the plan was set."""
        faults: list[Any] = ok(self.api.get(f"/_local/faults/log?after={self.began}"))["faults"]
        return faults

    def client(self, **how: Any) -> Runloop:
        """Return a client of ours."""
        return Runloop(self.server.base_url, self.server.api_key, **how)

    def begin(self, **params: Any) -> Box:
        """Ask for a devbox, and wait for nothing."""
        box = Box(self.api, ok(self.api.post("/v1/devboxes", json=params))["id"])
        self.made.append(box)
        return box

    def create(self, **params: Any) -> Box:
        """Make a devbox, and wait until it runs or has ended."""
        box = self.begin(**params)
        box.wait("running", "failure", "shutdown")
        return box

    def named(self, name: str) -> list[Any]:
        """Return all devboxes of a name, ended ones included."""
        devboxes = ok(self.api.get("/v1/devboxes?limit=5000"))["devboxes"]
        return [view for view in devboxes if view["name"] == name]

    def held(self, gate: str, count: int = 1) -> list[Any]:
        """Wait until so many stand at a gate, and return them."""
        body = {"count": count, "timeout_seconds": PATIENCE}
        answer = self.api.post(f"/_local/gates/{gate}/wait", json=body, timeout=2 * PATIENCE)
        held: list[Any] = ok(answer)["held"]
        return held

    def release(self, gate: str) -> int:
        """Let all go who stand at a gate, and return how many."""
        return int(ok(self.api.post(f"/_local/gates/{gate}/release"))["went"])

    def clear_up(self) -> None:
        """End the test's devboxes, and its plan."""
        self.plan("")
        for box in self.made:
            box.end()
