"""Parameters of the blueprint calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Required

from typing_extensions import TypedDict

from ._strict import strict
from .devboxes import Limit
from .launch import LaunchParameters
from .mounts import CodeMountParameters


@strict
class BuildContext(TypedDict, total=False):
    """The object that a Dockerfile's COPY and ADD read from."""

    object_id: Required[str]
    type: Required[Literal["object"]]


@strict
class ServiceCredentials(TypedDict, total=False):
    """How to log in to a service's registry."""

    password: Required[str]
    username: Required[str]


@strict
class Service(TypedDict, total=False):
    """A service in a container beside the devbox."""

    image: Required[str]
    name: Required[str]
    credentials: ServiceCredentials | None
    env: Mapping[str, str] | None
    options: str | None
    port_mappings: Sequence[str] | None


@strict
class BlueprintCreateParams(TypedDict, total=False):
    """A new blueprint. At most one of `base_blueprint_id` and `base_blueprint_name`."""

    name: Required[str]
    """Need not be unique: a devbox made by name takes the newest successful build."""
    base_blueprint_id: str | None
    base_blueprint_name: str | None
    build_args: Mapping[str, str] | None
    build_context: BuildContext | None
    code_mounts: Sequence[CodeMountParameters] | None
    dockerfile: str | None
    file_mounts: Mapping[str, str] | None
    """Path to text: at most 98,250 bytes a file and 7,860,000 in all (the API's rule)."""
    launch_parameters: LaunchParameters | None
    metadata: Mapping[str, str] | None
    named_build_contexts: Mapping[str, BuildContext] | None
    network_policy_id: str | None
    """The policy for the build alone; that of devboxes is one of the launch parameters."""
    secrets: Mapping[str, str] | None
    services: Sequence[Service] | None
    system_setup_commands: Sequence[str] | None


@strict
class BlueprintPreviewParams(BlueprintCreateParams, total=False):
    """A blueprint that is only to be looked at."""


@strict
class InspectionSourceParam(TypedDict, total=False):
    """The inspection of a repository that a blueprint is made from."""

    inspection_id: Required[str]
    github_auth_token: str | None
    """What opens a private repository."""


@strict
class BlueprintCreateFromInspectionParams(TypedDict, total=False):
    """A new blueprint with a repository in it, made ready as an inspection found that it must be."""

    inspection_source: Required[InspectionSourceParam]
    name: Required[str]
    file_mounts: Mapping[str, str] | None
    launch_parameters: LaunchParameters | None
    metadata: Mapping[str, str] | None
    secrets: Mapping[str, str] | None
    system_setup_commands: Sequence[str] | None
    """Commands that run after those of the inspection."""


@strict
class BlueprintListParams(TypedDict, total=False):
    """Which blueprints to list, newest first."""

    include_total_count: bool
    limit: Limit
    name: str
    starting_after: str
    status: str


BlueprintListPublicParams = BlueprintListParams
