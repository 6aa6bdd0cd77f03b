"""Views of repositories and of what was found in them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ..params.launch import Architecture
from .base import ListView, View

InspectionStatus = Literal[
    "invalid",
    "repo_auth_pending",
    "repo_authentication_failure",
    "repo_access_failure",
    "inspection_pending",
    "inspection_failed",
    "inspection_success",
    "inspection_user_manifest_added",
]
BuildStatus = Literal["image_building", "image_build_success", "image_build_failure"]


class RepositoryConnectionView(View):
    """A repository that is known by an id."""

    id: str
    name: str
    owner: str


class RepositoryConnectionListView(ListView):
    """A page of repositories."""

    repositories: list[RepositoryConnectionView]


class ContainerConfig(View):
    """What a repository wants to be built on."""

    base_image_name: str
    """As `ubuntu-latest`."""
    architecture: Architecture | str | None = None
    setup_commands: list[str] | None = None
    """What installs the tools of its languages."""


class Language(View):
    """A language of a repository, and its version where the repository says one."""

    language: str | None = None
    version: str | None = None


class DevCommands(View):
    """What developers of a workspace run."""

    build: list[str] | None = None
    install: list[str] | None = None
    lint: list[str] | None = None
    scripts: list[str] | None = None
    test: list[str] | None = None


class Workspace(View):
    """A part of a repository that is built by itself."""

    build_tool: list[str]
    """As `npm`, `pip`, `cargo`."""
    dev_commands: DevCommands | None = None
    name: str | None = None
    path: str | None = None
    """From the root of the repository; nothing for the root itself."""
    required_env_vars: list[str] | None = None
    workspace_refresh_commands: list[str] | None = None
    """After changes were pulled."""
    workspace_setup_commands: list[str] | None = None
    """After it was cloned."""


class ContainerizedService(View):
    """A service that a repository names, in a container."""

    image: str
    name: str
    credentials: dict[str, str] | None = Field(default=None, repr=False)
    env: dict[str, str] | None = None
    options: str | None = None
    port_mappings: list[str] | None = None


class RepositoryManifestView(View):
    """What was found in a repository."""

    container_config: ContainerConfig
    languages: list[Language]
    workspaces: list[Workspace]
    containerized_services: list[ContainerizedService] | None = None
    env_vars: dict[str, str] | None = None
    """Variables, with the values that the repository gives as examples."""
    required_env_vars: list[str] | None = None
    """Variables that have no value there."""


class RepositoryInspectionDetails(View):
    """An inspection of a repository. Its time is milliseconds since the epoch."""

    id: str
    commit_sha: str
    inspected_at: int
    repository_manifest: RepositoryManifestView
    status: InspectionStatus | str
    blueprint_id: str | None = None
    """The newest blueprint that was made from it."""
    blueprint_name: str | None = None
    build_status: BuildStatus | str | None = None
    """Of that blueprint."""
    failure_message: str | None = None
    """Why there is nothing in it; the local backend says so, Runloop does not."""
    user_manifest: RepositoryManifestView | None = None
    workflow_contexts: dict[str, Any] | None = None
    """What its workflows do: for each, `file_name` and `actions_context`."""


class RepositoryInspectionListView(View):
    """The inspections of a repository, newest first."""

    inspections: list[RepositoryInspectionDetails]
