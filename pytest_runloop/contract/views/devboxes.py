"""Views of devboxes and their logs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..params.devboxes import DevboxStatus
from .base import ListView, View
from .gateway_configs import GatewaySpecView
from .launch import LaunchParameters
from .mcp_configs import McpSpecView
from .tunnels import TunnelView

FailureReason = Literal["out_of_memory", "out_of_disk", "execution_failed", "health_check_failed"]
ShutdownReason = Literal["api_shutdown", "keep_alive_timeout", "entrypoint_exit", "idle", "ttl_expired"]
DevboxCapability = Literal["unknown", "computer_usage", "browser_usage", "docker_in_docker"]
InitiatorType = Literal["unknown", "api", "scenario", "reflex"]
LogSource = Literal["setup_commands", "entrypoint", "exec", "files", "stats", "kmsg"]


class StateTransition(View):
    """When a devbox reached a status, in milliseconds since the epoch."""

    status: DevboxStatus | str | None = None
    transition_time_ms: float | None = None


class DevboxView(View):
    """A devbox as the service sees it."""

    id: str
    status: DevboxStatus | str
    create_time_ms: int
    capabilities: list[DevboxCapability | str] = Field(default_factory=list)
    launch_parameters: LaunchParameters = Field(default_factory=LaunchParameters)
    metadata: dict[str, str] = Field(default_factory=dict)
    state_transitions: list[StateTransition] = Field(default_factory=list)
    blueprint_id: str | None = None
    end_time_ms: int | None = None
    failure_reason: FailureReason | str | None = None
    gateway_specs: dict[str, GatewaySpecView] | None = None
    initiator_id: str | None = None
    initiator_type: InitiatorType | str | None = None
    mcp_specs: dict[str, McpSpecView] | None = None
    name: str | None = None
    shutdown_reason: ShutdownReason | str | None = None
    snapshot_id: str | None = None
    tunnel: TunnelView | None = None


class DevboxEvictionEventView(View):
    """A devbox that is to lose its host (service of 2026)."""

    devbox_id: str
    eviction_deadline_ms: int
    """When it is suspended, in milliseconds since the epoch. It runs until then."""


class DevboxResourceUsageView(View):
    """What a devbox has used, as the service counts it: its size, times the seconds that it had it."""

    id: str
    status: DevboxStatus | str
    start_time_ms: int
    total_active_seconds: int
    """Without the time that it was suspended."""
    total_elapsed_seconds: int
    vcpu_seconds: int
    memory_gb_seconds: int
    disk_gb_seconds: int
    """Of the elapsed seconds: a suspended devbox keeps its disk."""
    end_time_ms: int | None = None


class DevboxListView(ListView):
    """A page of devboxes."""

    devboxes: list[DevboxView]


class DevboxLog(View):
    """One line of a devbox's log."""

    level: str
    source: LogSource | str
    timestamp_ms: int
    cmd: str | None = None
    cmd_id: str | None = None
    exit_code: int | None = None
    message: str | None = None
    shell_name: str | None = None


class DevboxLogsListView(View):
    """A devbox's log."""

    logs: list[DevboxLog]
