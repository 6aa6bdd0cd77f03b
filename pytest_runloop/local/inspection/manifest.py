"""Puts together what is found in a repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...contract.views.repositories import (
    ContainerConfig,
    ContainerizedService,
    DevCommands,
    Language,
    RepositoryManifestView,
    Workspace,
)
from .ecosystems import Part, parts_of
from .files import Folder, folders
from .surroundings import Variables, context_of, runner_of, services_of, versions_of, workflows_of

_RUNNER = "ubuntu-latest"
_OF_SETUP = {"node": ("javascript", "typescript"), "dotnet": ("csharp",)}
"""What actions call otherwise."""
_TOOLS: Mapping[str, tuple[str, str]] = {
    "npm": ("npm", "nodejs npm"),
    "pip": ("pip", "python3-pip"),
    "go": ("go", "golang-go"),
    "cargo": ("cargo", "cargo"),
    "bundler": ("bundle", "ruby-bundler"),
    "maven": ("mvn", "maven"),
    "gradle": ("gradle", "gradle"),
    "composer": ("composer", "composer"),
    "cmake": ("cmake", "cmake g++"),
    "make": ("make", "make"),
}
"""What a tool is called, and the packages of Debian and Ubuntu that it comes in."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What is in a repository.

    :param workflows: what its workflows do, by file name.
    """

    manifest: RepositoryManifestView
    workflows: dict[str, Any]


@dataclass(slots=True)
class _Found:
    workspaces: list[Workspace] = field(default_factory=list)
    languages: dict[str, str | None] = field(default_factory=dict)
    services: dict[str, ContainerizedService] = field(default_factory=dict)
    variables: Variables = field(default_factory=Variables)
    workflows: dict[str, Any] = field(default_factory=dict)
    set_up: dict[str, str] = field(default_factory=dict)
    runner: str | None = None
    tools: dict[str, None] = field(default_factory=dict)
    covered: list[tuple[str, str]] = field(default_factory=list)
    """Directories whose install command takes in what is below them, and by which tool."""

    def take(self, folder: Folder) -> None:
        """Note what is in a directory."""
        needed = self.variables.note(folder)
        for service in services_of(folder):
            self.services.setdefault(service.name, service)
        for name, workflow in workflows_of(folder):
            self.workflows[name] = context_of(name, workflow)
            self.set_up.update(versions_of(workflow))
            self.runner = self.runner or runner_of(workflow)
        parts = list(parts_of(folder))
        if parts:
            self._note(folder, parts, needed)

    def _note(self, folder: Folder, parts: list[Part], needed: list[str]) -> None:
        for part in parts:
            self.tools[part.tool] = None
            if part.language:
                self.languages[part.language] = self.languages.get(part.language) or part.version
        setup = [one for part in parts if not self._is_covered(folder, part) for one in part.install]
        self.workspaces.append(
            Workspace(
                build_tool=[part.tool for part in parts],
                name=next((part.name for part in parts if part.name), None),
                path=folder.path or None,
                dev_commands=_commands(parts),
                required_env_vars=sorted(needed) or None,
                workspace_setup_commands=setup or None,
                workspace_refresh_commands=setup or None,
            )
        )
        if folder.json("package.json").get("workspaces") or "pnpm-workspace.yaml" in folder.names:
            self.covered += [(folder.path, part.tool) for part in parts]
        if folder.toml("Cargo.toml").get("workspace"):
            self.covered.append((folder.path, "cargo"))

    def _is_covered(self, folder: Folder, part: Part) -> bool:
        # A member of a JavaScript workspace has no lock file of its own, and so says npm.
        tools = {part.tool, "npm"} if part.tool == "npm" else {part.tool}
        return any(
            (not above or folder.path.startswith(f"{above}/"))
            and folder.path != above
            and (tool in tools or (part.tool == "npm" and tool in ("yarn", "pnpm", "bun")))
            for above, tool in self.covered
        )


def look_through(root: Path) -> Findings:
    """Return what is in the files of a repository.

    :raises OSError: if they cannot be read.
    """
    found = _Found()
    for folder in folders(root):
        found.take(folder)
    manifest = RepositoryManifestView(
        container_config=ContainerConfig(
            base_image_name=found.runner or _RUNNER, setup_commands=list(_setup(found.tools)) or None
        ),
        languages=[Language(language=name, version=version) for name, version in _languages(found)],
        workspaces=found.workspaces,
        containerized_services=list(found.services.values()) or None,
        env_vars=found.variables.given or None,
        required_env_vars=found.variables.needed or None,
    )
    return Findings(manifest, found.workflows)


def _languages(found: _Found) -> Iterator[tuple[str, str | None]]:
    set_up = {
        language: version
        for name, version in found.set_up.items()
        for language in _OF_SETUP.get(name, (name,))
    }
    for name, version in found.languages.items():
        yield name, version or set_up.get(name)


def _setup(tools: Mapping[str, None]) -> Iterator[str]:
    """Yield what installs the tools that are not there."""
    for tool in tools:
        if tool in _TOOLS:
            program, packages = _TOOLS[tool]
            get = f"sudo apt-get update && sudo apt-get install -y {packages}"
            yield f"command -v {program} >/dev/null || {{ {get}; }}"


def _commands(parts: list[Part]) -> DevCommands:
    def of(name: str) -> list[str] | None:
        return [one for part in parts for one in getattr(part, name)] or None

    return DevCommands(
        install=of("install"), build=of("build"), test=of("test"), lint=of("lint"), scripts=of("scripts")
    )
