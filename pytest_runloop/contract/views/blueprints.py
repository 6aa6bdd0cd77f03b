"""Views of blueprints and their builds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .base import ListView, View
from .devboxes import DevboxCapability
from .launch import LaunchParameters
from .mounts import CodeMountParameters

BlueprintStatus = Literal["queued", "provisioning", "building", "failed", "build_complete"]
BlueprintState = Literal["created", "deleted"]
BuildFailureReason = Literal["out_of_memory", "out_of_disk", "build_failed"]


class BlueprintBuildParameters(View):
    """What a blueprint was built from."""

    name: str
    base_blueprint_id: str | None = None
    base_blueprint_name: str | None = None
    build_args: dict[str, str] | None = None
    build_context: dict[str, Any] | None = None
    code_mounts: list[CodeMountParameters] | None = None
    dockerfile: str | None = None
    file_mounts: dict[str, str] | None = None
    launch_parameters: LaunchParameters | None = None
    metadata: dict[str, str] | None = None
    named_build_contexts: dict[str, Any] | None = None
    network_policy_id: str | None = None
    secrets: dict[str, str] | None = None
    services: list[dict[str, Any]] | None = None
    system_setup_commands: list[str] | None = None


class BlueprintView(View):
    """A blueprint as the service sees it."""

    id: str
    name: str
    create_time_ms: int
    parameters: BlueprintBuildParameters
    state: BlueprintState | str
    status: BlueprintStatus | str
    base_blueprint_id: str | None = None
    build_finish_time_ms: int | None = None
    containerized_services: list[dict[str, Any]] | None = None
    devbox_capabilities: list[DevboxCapability | str] | None = None
    failure_reason: BuildFailureReason | str | None = None
    is_public: bool | None = None
    metadata: dict[str, str] | None = Field(default_factory=dict)


class BlueprintListView(ListView):
    """A page of blueprints."""

    blueprints: list[BlueprintView]


class BlueprintPreviewView(View):
    """The Dockerfile that a blueprint would be built from."""

    dockerfile: str


class BlueprintBuildLog(View):
    """One line of a build's log."""

    level: str
    message: str
    timestamp_ms: int


class BlueprintBuildLogsListView(View):
    """The log of a build."""

    blueprint_id: str
    logs: list[BlueprintBuildLog]
