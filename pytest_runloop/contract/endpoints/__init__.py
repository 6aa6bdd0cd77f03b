"""Every endpoint of the API, a module per resource."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ..endpoint import Endpoint
from . import (
    agents,
    benchmarks,
    blueprints,
    devboxes,
    executions,
    objects,
    repositories,
    scenarios,
    scorers,
    secrets,
    snapshots,
    tunnels,
)


def _declared(module: ModuleType) -> list[Endpoint[Any]]:
    return [value for value in vars(module).values() if isinstance(value, Endpoint)]


ALL: tuple[Endpoint[Any], ...] = tuple(
    endpoint
    for module in (
        devboxes,
        executions,
        snapshots,
        blueprints,
        tunnels,
        secrets,
        objects,
        scenarios,
        scorers,
        benchmarks,
        agents,
        repositories,
    )
    for endpoint in _declared(module)
)
