"""Every endpoint of the API.

Beside the package of their modules: who needs the endpoints of one resource, as the client does, does not
load those of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .endpoint import Endpoint
from .endpoints import (
    accounts,
    agents,
    apikeys,
    axons,
    benchmark_jobs,
    benchmarks,
    blueprints,
    desktops,
    devboxes,
    executions,
    gateway_configs,
    mcp_configs,
    metadata,
    network_policies,
    objects,
    pty,
    repositories,
    restricted_keys,
    scenarios,
    scorers,
    secrets,
    snapshots,
    tunnels,
)

_MODULES = (
    devboxes,
    executions,
    snapshots,
    blueprints,
    tunnels,
    secrets,
    network_policies,
    objects,
    scenarios,
    scorers,
    benchmarks,
    benchmark_jobs,
    agents,
    repositories,
    metadata,
    desktops,
    accounts,
    apikeys,
    restricted_keys,
    axons,
    gateway_configs,
    mcp_configs,
    pty,
)

NAMED: Mapping[str, Endpoint[Any]] = {
    f"{module.__name__.rpartition('.')[2]}.{constant.lower()}": value
    for module in _MODULES
    for constant, value in vars(module).items()
    if isinstance(value, Endpoint)
}
"""Every endpoint by the name of its resource and its own, as `devboxes.create`."""

ALL: tuple[Endpoint[Any], ...] = tuple(NAMED.values())
