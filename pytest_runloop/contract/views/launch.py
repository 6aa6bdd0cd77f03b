"""Launch parameters as the API echoes them."""

from __future__ import annotations

from ..params.launch import Architecture, OnIdle, ResourceSize
from .base import View


class AfterIdle(View):
    """What happens to a devbox that nobody uses."""

    idle_time_seconds: int
    on_idle: OnIdle | str


class Lifecycle(View):
    """Idle behaviour and what resumes a suspended devbox."""

    after_idle: AfterIdle | None = None
    resume_triggers: dict[str, bool | None] | None = None


class UserParameters(View):
    """The user that commands run as."""

    uid: int
    username: str


class LaunchParameters(View):
    """Resources and launch-time behaviour of a devbox."""

    after_idle: AfterIdle | None = None
    architecture: Architecture | str | None = None
    available_ports: list[int] | None = None
    custom_cpu_cores: float | None = None
    custom_disk_size: int | None = None
    custom_gb_memory: int | None = None
    keep_alive_time_seconds: int | None = None
    launch_commands: list[str] | None = None
    lifecycle: Lifecycle | None = None
    network_policy_id: str | None = None
    required_services: list[str] | None = None
    resource_size_request: ResourceSize | str | None = None
    user_parameters: UserParameters | None = None
