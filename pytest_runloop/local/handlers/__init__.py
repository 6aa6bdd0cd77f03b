"""What each endpoint does: one handler each, found by the endpoint's value."""

from __future__ import annotations

from collections.abc import Mapping

from ..calls import Handler
from ..routing import AnyEndpoint
from . import (
    accounts,
    agents,
    axons,
    benchmark_jobs,
    benchmarks,
    blueprints,
    desktops,
    devboxes,
    executions,
    files,
    gateway_configs,
    local_only,
    mcp_configs,
    metadata,
    network_policies,
    objects,
    pty,
    repositories,
    scenarios,
    scorers,
    secrets,
    snapshots,
    tunnels,
)

HANDLERS: Mapping[AnyEndpoint, Handler] = {
    **devboxes.HANDLES.table,
    **executions.HANDLES.table,
    **files.HANDLES.table,
    **snapshots.HANDLES.table,
    **blueprints.HANDLES.table,
    **tunnels.HANDLES.table,
    **secrets.HANDLES.table,
    **network_policies.HANDLES.table,
    **objects.HANDLES.table,
    **scenarios.HANDLES.table,
    **scorers.HANDLES.table,
    **benchmarks.HANDLES.table,
    **benchmark_jobs.HANDLES.table,
    **agents.HANDLES.table,
    **repositories.HANDLES.table,
    **metadata.HANDLES.table,
    **desktops.HANDLES.table,
    **accounts.HANDLES.table,
    **axons.HANDLES.table,
    **gateway_configs.HANDLES.table,
    **mcp_configs.HANDLES.table,
    **pty.HANDLES.table,
}
"""Those of the API."""

SERVED: Mapping[AnyEndpoint, Handler] = {**HANDLERS, **local_only.HANDLES.table}
"""All that the server answers."""
