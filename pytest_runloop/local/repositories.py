"""Repositories that are known by an id, and what was found in them."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..contract.views.blueprints import BlueprintView
from ..contract.views.repositories import (
    BuildStatus,
    ContainerConfig,
    InspectionStatus,
    RepositoryConnectionView,
    RepositoryInspectionDetails,
    RepositoryManifestView,
    Workspace,
)
from .addresses import placed
from .blueprints import Blueprints
from .clock import Clock
from .errors import ApiError, invalid
from .git import GitError, GitTrouble, Remote, check_out
from .ids import new_id
from .inspection.manifest import Findings, look_through
from .notice import Notice, hold
from .records import InspectionRecord, Records, RepositoryRecord
from .servers import Presence
from .settings import Settings
from .tasks import Tasks

_TROUBLES: Mapping[GitTrouble, InspectionStatus] = {
    "login": "repo_authentication_failure",
    "access": "repo_access_failure",
}
_BUILDS: Mapping[str, BuildStatus] = {
    "build_complete": "image_build_success",
    "failed": "image_build_failure",
}


class Repositories:
    """All repositories of the state directory.

    :param blueprints: makes those of inspections.
    :param presence: of this server: its id is noted in what it inspects, in its directory.
    """

    def __init__(
        self,
        records: Records,
        clock: Clock,
        tasks: Tasks,
        settings: Settings,
        presence: Presence,
        blueprints: Blueprints,
    ) -> None:
        self._repositories = records.repositories
        self._inspections = records.inspections
        self._clock = clock
        self._tasks = tasks
        self._settings = settings
        self._server = presence.id
        self._directory = presence.directory
        self._blueprints = blueprints
        self._ended = Notice()
        """Rung at the end of each inspection."""

    def abandon(self, living: set[str]) -> None:
        """Mark what dead servers left pending as failed."""
        for record in self._inspections.all():
            if record.view.status == "inspection_pending" and record.server not in living:
                record.view.status = "inspection_failed"
                record.view.failure_message = "the server ended before it was done: inspect it again"
                self._inspections.put(record)

    def create(self, params: Mapping[str, Any]) -> RepositoryConnectionView:
        """Know a repository by an id. It is not asked for.

        :raises ApiError: 400 if it can be none, or its base blueprint cannot be one.
        """
        placed(params["owner"], params["name"], self._settings.git_base)
        if base := params.get("blueprint_id"):
            self._blueprints.usable(base, "blueprint_id")
        view = RepositoryConnectionView(id=new_id("rep"), name=params["name"], owner=params["owner"])
        token = params.get("github_auth_token") or None
        self._repositories.put(RepositoryRecord(view=view, token=token, blueprint_id=base or None))
        return view

    def get(self, identifier: str) -> RepositoryRecord:
        """Return a repository.

        :raises ApiError: 404 if there is none.
        """
        return self._repositories.found(identifier, "repository")

    def matching(self, params: Mapping[str, Any]) -> list[RepositoryConnectionView]:
        """Return the repositories of a name and owner, newest first."""
        views = [record.view for record in self._repositories.all()]
        return [
            view
            for view in views
            if params.get("name") in (None, view.name) and params.get("owner") in (None, view.owner)
        ]

    def delete(self, identifier: str) -> None:
        """Forget a repository and its inspections. Blueprints that were made from them stay.

        :raises ApiError: 404 if there is none.
        """
        self.get(identifier)
        self._repositories.delete(identifier)
        for record in self._of(identifier):
            self._inspections.delete(record.id)

    # Inspecting

    async def inspect(self, identifier: str, token: str | None) -> RepositoryInspectionDetails:
        """Look at a repository.

        :param token: what opens it, in place of its own.
        :return: what was found; that it is pending, if it takes longer than a client waits for an answer.
        :raises ApiError: 404 if there is none.
        """
        record = self._begin(self.get(identifier), token)
        await hold(self._clock, self._ended, lambda: not self._pending(record.id), self._settings.create_hold)
        return self.inspection(record.id)

    def refresh(self, identifier: str, params: Mapping[str, Any]) -> None:
        """Take another token or base blueprint for a repository, and begin to look at it.

        :raises ApiError: 404 if there is none, 400 if the blueprint cannot be used.
        """
        if base := params.get("blueprint_id"):
            self._blueprints.usable(base, "blueprint_id")
        self.get(identifier)
        with self._repositories.changing(identifier) as record:
            record.token = params.get("github_auth_token") or record.token
            record.blueprint_id = base or record.blueprint_id
        self._begin(record, None)

    def _begin(self, repository: RepositoryRecord, token: str | None) -> InspectionRecord:
        view = RepositoryInspectionDetails(
            id=new_id("rpi"),
            commit_sha="",
            inspected_at=self._clock.now_ms(),
            repository_manifest=_nothing(),
            status="inspection_pending",
        )
        record = InspectionRecord(view=view, repository_id=repository.id, server=self._server)
        self._inspections.put(record)
        self._tasks.start(self._inspect(record, self._remote(repository, token)))
        return record

    def _remote(self, repository: RepositoryRecord, token: str | None) -> Remote:
        view = repository.view
        place = placed(view.owner, view.name, self._settings.git_base)
        return Remote(place.url, token or repository.token)

    async def _inspect(self, record: InspectionRecord, remote: Remote) -> None:
        view = record.view
        # Its end in any other way is that of the server.
        view.status, view.failure_message = "inspection_failed", "the server ended: inspect it again"
        place = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="inspected-", dir=self._directory))
        try:
            view.commit_sha = await check_out(remote, "", place, self._settings)
            _note(view, await asyncio.to_thread(look_through, place))
        except GitError as error:
            view.status = _TROUBLES.get(error.trouble, "inspection_failed")
            view.failure_message = str(error)
        except OSError as error:
            view.failure_message = f"it cannot be read: {error.strerror}"
        finally:
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
            # Unless it was deleted meanwhile.
            if self._inspections.get(record.id) is not None:
                self._inspections.keep(record)
            self._ended.ring()

    def _pending(self, identifier: str) -> bool:
        record = self._inspections.get(identifier)
        return record is not None and record.view.status == "inspection_pending"

    # Finding inspections

    def inspection(self, identifier: str) -> RepositoryInspectionDetails:
        """Return an inspection, with the state of the blueprint that was made from it.

        :raises ApiError: 404 if there is none.
        """
        record = self._inspections.found(identifier, "inspection")
        return self._shown(record)

    def inspections(self, identifier: str) -> list[RepositoryInspectionDetails]:
        """Return the inspections of a repository, newest first.

        :raises ApiError: 404 if there is no such repository.
        """
        self.get(identifier)
        return [self._shown(record) for record in self._of(identifier)]

    def _of(self, repository: str) -> list[InspectionRecord]:
        return [record for record in self._inspections.all() if record.repository_id == repository]

    def _shown(self, record: InspectionRecord) -> RepositoryInspectionDetails:
        view = record.view
        if view.blueprint_id is None:
            return view
        blueprint = self._blueprints.get(view.blueprint_id).view
        state = _BUILDS.get(blueprint.status, "image_building")
        return view.model_copy(update={"blueprint_name": blueprint.name, "build_status": state})

    # Blueprints of inspections

    def create_blueprint(self, params: Mapping[str, Any]) -> BlueprintView:
        """Begin to build a blueprint that holds a repository, made ready as an inspection found.

        :raises ApiError: 400 if there is no such inspection, or it found nothing.
        """
        source = params["inspection_source"]
        field, wanted = "`inspection_source.inspection_id`", source["inspection_id"]
        record = self._inspections.get(wanted)
        if record is None:
            raise invalid(f"{field}: there is no inspection `{wanted}` in this state directory")
        if record.view.status != "inspection_success":
            status = record.view.status
            raise invalid(f"{field}: inspection {wanted} has status `{status}`: inspect the repository again")
        view = self._blueprints.create(self._blueprint(params, record, source.get("github_auth_token")))
        with self._inspections.changing(record.id) as record:
            record.view.blueprint_id = view.id
        return view

    def _blueprint(
        self, params: Mapping[str, Any], record: InspectionRecord, token: str | None
    ) -> dict[str, Any]:
        repository = self.get(record.repository_id)
        name = placed(repository.view.owner, repository.view.name, self._settings.git_base).name
        mount = {
            "repo_owner": repository.view.owner,
            "repo_name": repository.view.name,
            "git_ref": record.view.commit_sha,
            "token": token or repository.token,
        }
        own = {key: value for key, value in params.items() if key != "inspection_source"}
        commands = [
            *_commands(record.view.repository_manifest, name),
            *(own.get("system_setup_commands") or ()),
        ]
        return {
            **own,
            "base_blueprint_id": repository.blueprint_id,
            "code_mounts": [mount],
            "system_setup_commands": commands,
        }

    def built(self, identifier: str, field: str) -> str:
        """Return the id of the newest blueprint that was built from a repository.

        :param field: the parameter that names the repository.
        :raises ApiError: 400 if there is no such repository, or no such blueprint.
        """
        if self._repositories.get(identifier) is None:
            raise invalid(f"`{field}`: there is no repository `{identifier}` in this state directory")
        for record in self._of(identifier):
            found = record.view.blueprint_id
            view = self._blueprints.get(found).view if found else None
            if view and (view.status, view.state) == ("build_complete", "created"):
                return view.id
        raise ApiError(
            400,
            "invalid_request",
            f"`{field}`: no blueprint was built from repository {identifier} yet:"
            " inspect it, then call `blueprints/create_from_inspection`",
        )


def _nothing() -> RepositoryManifestView:
    config = ContainerConfig(base_image_name="ubuntu-latest")
    return RepositoryManifestView(container_config=config, languages=[], workspaces=[])


def _note(view: RepositoryInspectionDetails, found: Findings) -> None:
    view.repository_manifest = found.manifest
    view.workflow_contexts = found.workflows or None
    view.status, view.failure_message = "inspection_success", None


def _commands(manifest: RepositoryManifestView, directory: str) -> Iterator[str]:
    """Yield what makes a clone ready."""
    yield from manifest.container_config.setup_commands or ()
    for workspace in manifest.workspaces:
        yield from _of_workspace(workspace, directory)


def _of_workspace(workspace: Workspace, directory: str) -> Iterator[str]:
    place = f"{directory}/{workspace.path}" if workspace.path else directory
    for command in workspace.workspace_setup_commands or ():
        yield f"cd ~/{shlex.quote(place)} && {command}"
