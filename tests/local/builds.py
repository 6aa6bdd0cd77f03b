"""Builds of blueprints through plain HTTP."""

from __future__ import annotations

import time
import uuid
from typing import Any

import httpx

from .box import Box, ok


def built(api: httpx.Client, dockerfile: str | None, **params: Any) -> Any:
    """Build a blueprint, and return its view when that has ended."""
    params = {"name": f"bp-{uuid.uuid4().hex}", "dockerfile": dockerfile, **params}
    return ended(api, ok(api.post("/v1/blueprints", json=params)))


def ended(api: httpx.Client, view: Any) -> Any:
    """Wait for the end of a build."""
    while view["status"] in ("provisioning", "building"):
        time.sleep(0.01)
        view = ok(api.get(f"/v1/blueprints/{view['id']}"))
    return view


def log(api: httpx.Client, blueprint: Any) -> list[tuple[str, str]]:
    """Return the levels and texts of a build's log."""
    answer = ok(api.get(f"/v1/blueprints/{blueprint['id']}/logs"))
    return [(line["level"], line["message"]) for line in answer["logs"]]


def good(api: httpx.Client, dockerfile: str | None, **params: Any) -> Any:
    """Build a blueprint, which must succeed."""
    view = built(api, dockerfile, **params)
    assert view["status"] == "build_complete", log(api, view)
    return view


def failed(
    api: httpx.Client, dockerfile: str, *words: str, reason: str = "build_failed", **params: Any
) -> str:
    """Build a blueprint, which must fail for this reason, with these words in the log's last line."""
    view = built(api, dockerfile, **params)
    assert (view["status"], view["failure_reason"]) == ("failed", reason), log(api, view)
    level, message = log(api, view)[-1]
    assert level == "error"
    for word in words:
        assert word in message, message
    return message


def cached(api: httpx.Client, blueprint: Any) -> list[str]:
    """Return the lines of the log that name steps which were not done again."""
    return [message for _, message in log(api, blueprint) if message.startswith("cached: ")]


def text(api: httpx.Client, blueprint: Any, command: str, **params: Any) -> str:
    """Return what a command prints in a devbox of the blueprint."""
    box = Box.create(api, blueprint_id=blueprint["id"], **params)
    try:
        return box.text(command)
    finally:
        box.end()
