"""Who has which endpoint: the service's own OpenAPI document, and releases of the official SDK."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pytest_runloop.contract.endpoint import Endpoint

_FILE = Path(__file__).with_name("known.txt")
SERVICE = "service"


def key(endpoint: Endpoint[Any]) -> str:
    """Return verb and path, whatever the path's parameters are called: `POST /v1/devboxes/{}/suspend`."""
    return re.sub(r"{\w+}", "{}", str(endpoint))


@cache
def sources() -> Mapping[str, frozenset[str]]:
    """Return who has each known endpoint."""
    lines = [line.split() for line in _FILE.read_text().splitlines() if not line.startswith("#")]
    return {f"{verb} {path}": frozenset(where) for verb, path, *where in lines}


def endpoints(source: str) -> set[str]:
    """Return the endpoints of a source."""
    return {endpoint for endpoint, where in sources().items() if source in where}
