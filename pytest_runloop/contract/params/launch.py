"""How a devbox is launched: its size, its lifetime, its user, what runs first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Required

from typing_extensions import TypedDict

from ._strict import strict

Architecture = Literal["x86_64", "arm64"]
OnIdle = Literal["shutdown", "suspend"]
ResourceSize = Literal["X_SMALL", "SMALL", "MEDIUM", "LARGE", "X_LARGE", "XX_LARGE", "CUSTOM_SIZE"]


@strict
class AfterIdle(TypedDict, total=False):
    """What happens to a devbox that nobody uses."""

    idle_time_seconds: Required[int]
    """Idle time before the action is taken, in seconds."""
    on_idle: Required[OnIdle]
    """The action."""


@strict
class UserParameters(TypedDict, total=False):
    """The user that commands run as."""

    uid: Required[int]
    username: Required[str]


@strict
class ResumeTriggers(TypedDict, total=False):
    """What wakes a suspended devbox."""

    axon_event: bool | None
    http: bool | None


@strict
class Lifecycle(TypedDict, total=False):
    """Idle behaviour and what resumes a suspended devbox (service of 2026)."""

    after_idle: AfterIdle | None
    resume_triggers: ResumeTriggers | None


@strict
class LaunchParameters(TypedDict, total=False):
    """Resources and launch-time behaviour of a devbox."""

    after_idle: AfterIdle | None
    """Idle behaviour. With it, `keep_alive_time_seconds` is ignored (the API's rule)."""
    architecture: Architecture | None
    available_ports: Sequence[int] | None
    """Ignored by today's service: every port can be tunnelled."""
    custom_cpu_cores: float | None
    """Processor cores, with `resource_size_request="CUSTOM_SIZE"`."""
    custom_disk_size: int | None
    """Disk in GiB, with `resource_size_request="CUSTOM_SIZE"`."""
    custom_gb_memory: int | None
    """Memory in GiB, with `resource_size_request="CUSTOM_SIZE"`."""
    keep_alive_time_seconds: int | None
    """Lifetime in seconds; default 3,600, at most 172,800 (the API's rule)."""
    launch_commands: Sequence[str] | None
    """Commands that run, in order, before the devbox is ready."""
    lifecycle: Lifecycle | None
    network_policy_id: str | None
    """The policy that says where the devbox may connect to."""
    required_services: Sequence[str] | None
    resource_size_request: ResourceSize | None
    user_parameters: UserParameters | None
