"""Agents: keeping them, and finding those that are to be mounted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ..contract.nearest import nearest
from ..contract.views.agents import AgentSource, AgentView
from .addresses import AddressError, check_address, refuse_password
from .agent_mounts import AgentMount, Package, Repository, Source
from .clock import Clock
from .errors import invalid
from .git import Remote
from .ids import new_id
from .launch import check_command, check_path
from .object_mounts import ObjectMount
from .objects import Objects
from .records import AgentRecord, Records

_KINDS = ("npm", "pip", "git", "object")
_NEEDS_PATH = ("git", "object")
_CONSTRAINT = re.compile(r"[<>=!~]")
_NAME = re.compile(r"[\w@][\w./@-]*(?:\[[\w,.-]*\])?", re.ASCII)
"""Of a package in a registry: `tool`, `@scope/tool`, `tool[extra]`."""


class Agents:
    """All agents of the state directory.

    :param objects: hold the sources of some.
    """

    def __init__(self, records: Records, clock: Clock, objects: Objects) -> None:
        self._records = records.agents
        self._clock = clock
        self._objects = objects

    def create(self, params: Mapping[str, Any]) -> AgentView:
        """Keep a new agent.

        :raises ApiError: 400 if it has no name, or its source can be none.
        """
        if not params["name"].strip():
            raise invalid("`name` is empty: an agent is found by its name")
        source, version = params.get("source"), params.get("version")
        if source is not None:
            self._check(source, version)
        view = AgentView(
            id=new_id("agt"),
            name=params["name"],
            create_time_ms=self._clock.now_ms(),
            is_public=False,
            source=None if source is None else AgentSource.model_validate(dict(source)),
            version=version,
        )
        self._records.put(AgentRecord(view=view))
        return view

    def _check(self, source: Mapping[str, Any], version: str | None) -> None:
        kind = source["type"]
        given = [name for name in _KINDS if source.get(name) is not None]
        if given != [kind]:
            shown = ", ".join(f"`{name}`" for name in given) or "nothing"
            raise invalid(f"`source`: the type `{kind}` goes with `source.{kind}` alone; there is {shown}")
        details = source[kind]
        for command in details.get("agent_setup") or ():
            check_command(command, f"source.{kind}.agent_setup")
        match kind:
            case "git":
                check_address(details["repository"], "source.git.repository")
                _one_version("source.git.ref", details.get("ref"), version)
            case "object":
                self._objects.usable(details["object_id"], "source.object.object_id")
            case _:
                _check_package(kind, details)
                _one_version(f"source.{kind}.{kind}_version", details.get(f"{kind}_version"), version)

    # Finding

    def get(self, identifier: str) -> AgentView:
        """Return an agent.

        :raises ApiError: 404 if there is none.
        """
        return self._records.found(identifier, "agent").view

    def matching(self, params: Mapping[str, Any]) -> list[AgentView]:
        """Return the agents that fit, newest first."""
        fitting = [view for view in self._all() if _fits(view, params)]
        version = params.get("version")
        if version == "latest":
            return fitting[:1]
        return [view for view in fitting if version in (None, view.version)]

    def _all(self) -> list[AgentView]:
        return [record.view for record in self._records.all()]

    def delete(self, identifier: str) -> None:
        """Delete an agent. Devboxes that have it keep it.

        :raises ApiError: 404 if there is none.
        """
        self.get(identifier)
        self._records.delete(identifier)

    # Mounting

    def mounts(self, params: Mapping[str, Any]) -> Iterator[AgentMount]:
        """Yield the agents that the mounts of a devbox ask for, in order.

        :raises ApiError: 400 if there is none such, or it cannot be mounted so.
        """
        for number, mount in enumerate(params.get("mounts") or ()):
            if mount["type"] == "agent_mount":
                yield self._mount(mount, f"mounts.{number}")

    def _mount(self, mount: Mapping[str, Any], field: str) -> AgentMount:
        view = self._wanted(mount, field)
        path = mount.get("agent_path") or None
        shown = f"agent {view.name} ({view.id})"
        if view.source is None:
            raise invalid(f"`{field}`: {shown} has no source, so there is nothing to mount")
        if path is not None:
            check_path(path, "agent mount")
        elif view.source.type in _NEEDS_PATH:
            raise invalid(f"`{field}.agent_path` is missing: where shall {shown} go, by {view.source.type}?")
        source, setup = self._source(view.source, view.version, mount.get("auth_token"))
        return AgentMount(view.name, source, path, tuple(one for one in setup or () if one.strip()))

    def _wanted(self, mount: Mapping[str, Any], field: str) -> AgentView:
        identifier, name = mount["agent_id"], mount["agent_name"]
        if identifier:
            record = self._records.get(identifier)
            if record is None:
                raise invalid(f"`{field}.agent_id`: there is no agent `{identifier}` in this state directory")
            return record.view
        if not name:
            raise invalid(f"`{field}`: `agent_id` and `agent_name` are both empty: give one of them")
        views = self._all()
        for view in views:
            if view.name == name:
                return view
        hint = nearest(name, [view.name for view in views])
        raise invalid(f"`{field}.agent_name`: there is no agent `{name}`{hint}")

    def _source(
        self, source: AgentSource, version: str | None, token: str | None
    ) -> tuple[Source, list[str] | None]:
        """Return what is mounted, and the setup commands that go with it."""
        if npm := source.npm:
            what = _versioned(npm.package_name, npm.npm_version or version, "@")
            return Package("npm", what, npm.registry_url), npm.agent_setup
        if pip := source.pip:
            wanted = pip.pip_version or version or ""
            what = _versioned(pip.package_name, wanted, "" if _CONSTRAINT.match(wanted) else "==")
            return Package("pip", what, pip.registry_url), pip.agent_setup
        if git := source.git:
            return Repository(Remote(git.repository, token), git.ref or version or ""), git.agent_setup
        assert source.object is not None, "a source is one of four"
        stored = self._objects.usable(source.object.object_id, "source.object.object_id")
        name, content = f"{stored.id} ({stored.name})", partial(self._objects.open, stored.id)
        return ObjectMount(name, stored.content_type, "", content), source.object.agent_setup


def _fits(view: AgentView, params: Mapping[str, Any]) -> bool:
    search = params.get("search")
    return (
        params.get("is_public") in (None, view.is_public)
        and params.get("name", "") in view.name
        and (search is None or search == view.id or search in view.name)
    )


def _versioned(package: str, version: str | None, between: str) -> str:
    return f"{package}{between}{version}" if version and _NAME.fullmatch(package) else package


def _one_version(field: str, own: str | None, version: str | None) -> None:
    if own and version and own != version:
        raise invalid(f"`{field}` and `version` differ: give one of them")


def _check_package(kind: str, details: Mapping[str, Any]) -> None:
    package, field = details["package_name"], f"source.{kind}.package_name"
    if not package.strip() or package.startswith("-") or "\0" in package:
        raise invalid(f"`{field}`: {package!r} can be no package")
    if details.get(f"{kind}_version") and not _NAME.fullmatch(package):
        raise invalid(f"`source.{kind}.{kind}_version` goes with the name of a package, not with `{package}`")
    registry = details.get("registry_url")
    if registry is not None:
        if "://" not in registry or "\0" in registry:
            raise invalid(f"`source.{kind}.registry_url` must be an address")
        try:
            refuse_password(registry)
        except AddressError:
            raise invalid(
                f"`source.{kind}.registry_url` has a password or token in it:"
                " give the devbox that by `secrets`, as npm's or pip's own variable"
            ) from None
