"""Blueprints: building, finding and deleting them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from ..contract.params.blueprints import BlueprintCreateParams
from ..contract.params.mounts import CodeMountParameters
from ..contract.views.blueprints import (
    BlueprintBuildLogsListView,
    BlueprintBuildParameters,
    BlueprintPreviewView,
    BlueprintView,
    BuildFailureReason,
)
from .addresses import placed
from .build_secrets import BuildSecrets
from .builds import BuildError, BuildLog, Image, Recipe, Workshop, build
from .cache import LayerCache
from .clock import Clock
from .code_mounts import code_mounts_of
from .dockerfile.errors import DockerfileError
from .dockerfile.preview import compose
from .engine.protocol import Engine
from .errors import ApiError, invalid
from .ids import new_id
from .images import Images
from .launch import (
    Launch,
    User,
    check_command,
    check_home,
    check_launch_parameters,
    files_of,
    given,
    refuse_unsupported,
)
from .limits import limits_of
from .machine import STARTER
from .network_policies import NetworkPolicies
from .objects import Objects
from .records import BlueprintRecord, BuildLogRecord, Records, wrong_tier
from .secrets import Secrets
from .servers import Presence
from .settings import Settings
from .sources import ContextObject, Contexts, Workplace
from .space import advice
from .tasks import Tasks

_UNKNOWN: BuildFailureReason = "build_failed"
_FILE_MAX = 98_250
_FILES_MAX = 7_860_000
"""Bytes of one file mount, and of all together (the API's rules)."""


class Blueprints:
    """All blueprints of the state directory.

    :param presence: of this server: its id is noted in what it builds, which it unpacks in its directory.
    :param objects: hold the build contexts.
    :param secrets: what builds may ask for.
    :param policies: what builds may be kept to.
    """

    def __init__(
        self,
        records: Records,
        engine: Engine,
        clock: Clock,
        tasks: Tasks,
        settings: Settings,
        presence: Presence,
        objects: Objects,
        secrets: Secrets,
        policies: NetworkPolicies,
    ) -> None:
        self._records = records
        self._engine = engine
        self._clock = clock
        self._tasks = tasks
        self._settings = settings
        self._server = presence.id
        self._workplace = Workplace(presence.directory, settings)
        self._objects = objects
        self._secrets = secrets
        self._policies = policies
        self._building: dict[str, BuildLog] = {}
        self._cache = LayerCache(records, engine)
        images = Images(engine, self._cache, presence)
        # As a devbox of no size: what is built for many sizes must not depend on one.
        limits = limits_of({}, settings.processes)
        self._workshop = Workshop(engine, self._cache, images, limits)

    def abandon(self, living: set[str]) -> None:
        """Mark what dead servers left unbuilt as failed."""
        for record in self._records.blueprints.all():
            if record.view.status in ("provisioning", "building") and record.server not in living:
                record.view.status = "failed"
                record.view.failure_reason = "build_failed"
                self._records.blueprints.put(record)

    def create(self, params: Mapping[str, Any]) -> BlueprintView:
        """Begin to build a blueprint.

        :raises ApiError: if it cannot be built from these parameters.
        """
        base = self._base(params)
        launch = (base.launch if base else {}) | given(params.get("launch_parameters") or {})
        self._check(params, launch)
        secrets = BuildSecrets(self._secrets.values(params.get("secrets") or {}))
        record = BlueprintRecord(
            view=_described(params, base, self._clock.now_ms()),
            launch=launch,
            tier=self._engine.tier,
            server=self._server,
        )
        self._records.blueprints.put(record)
        self._building[record.id] = BuildLog(self._clock, self._settings.log_lines, secrets.mask)
        self._tasks.start(self._build(record.id, params, base, Launch(parameters=launch).user, secrets))
        return record.view

    def preview(self, params: Mapping[str, Any]) -> BlueprintPreviewView:
        """Return the whole Dockerfile that a blueprint of these parameters would be built from.

        :raises ApiError: if it cannot be built from them, or the Dockerfile is malformed.
        """
        base = self._base(params)
        launch = (base.launch if base else {}) | given(params.get("launch_parameters") or {})
        self._check(params, launch)
        user = Launch(parameters=launch).user
        request = cast("BlueprintCreateParams", {**params, "file_mounts": dict(files_of(params))})
        try:
            text = compose(
                request, base=_base_image(base), user=user.username, home=user.home, place=self._placed
            )
        except DockerfileError as error:
            raise invalid(f"`dockerfile`: {error}") from None
        return BlueprintPreviewView(dockerfile=text)

    def _placed(self, mount: CodeMountParameters) -> tuple[str, str]:
        place = placed(mount["repo_owner"], mount["repo_name"], self._settings.git_base)
        return place.url, place.name

    def _base(self, params: Mapping[str, Any]) -> BlueprintRecord | None:
        by_id, by_name = params.get("base_blueprint_id"), params.get("base_blueprint_name")
        if by_id and by_name:
            raise invalid("`base_blueprint_id` and `base_blueprint_name` are both given: give one of them")
        if by_id:
            return self.usable(by_id, "base_blueprint_id")
        return self.named(by_name, "base_blueprint_name") if by_name else None

    def _check(self, params: Mapping[str, Any], launch: Mapping[str, Any]) -> None:
        refuse_unsupported(params)
        self._secrets.values(params.get("secrets") or {})  # They must be there.
        self._contexts(params)  # They must be there.
        code = code_mounts_of(params, self._settings.git_base)
        check_launch_parameters(launch, self._engine, self._settings)
        self._policies.check(params.get("network_policy_id"), "network_policy_id")
        self._policies.check(launch.get("network_policy_id"), "launch_parameters.network_policy_id")
        _check_files(params.get("file_mounts") or {})
        if not params["name"].strip():
            raise invalid("`name` is empty")
        commands = list(params.get("system_setup_commands") or ())
        for command in commands:
            check_command(command, "system_setup_commands")
        for command in (*commands, *(mount.install for mount in code if mount.install)):
            check_home(command, Launch(parameters=dict(launch)).user, self._engine)

    async def _build(
        self,
        identifier: str,
        params: Mapping[str, Any],
        base: BlueprintRecord | None,
        user: User,
        secrets: BuildSecrets,
    ) -> None:
        with self._records.blueprints.changing(identifier) as record:
            record.view.status = "building"
        log = self._building[identifier]
        image, reason = None, _UNKNOWN
        try:
            recipe = self._recipe(identifier, params, base, user, secrets, log)
            image = await build(recipe, self._workshop, log)
        except BuildError as error:
            log.write("error", str(error))
            reason = error.reason
            if reason == "out_of_disk":
                log.write("error", advice(self._records.directory))
        except (DockerfileError, ApiError) as error:
            log.write("error", str(error))
        finally:
            self._records.build_logs.keep(BuildLogRecord(blueprint_id=identifier, lines=log.lines))
            del self._building[identifier]
            record = self._note_end(identifier, image, reason)
        if record.view.state == "deleted":
            await self._cache.release(record)

    def _recipe(
        self,
        identifier: str,
        params: Mapping[str, Any],
        base: BlueprintRecord | None,
        user: User,
        secrets: BuildSecrets,
        log: BuildLog,
    ) -> Recipe:
        alone = {**params, "file_mounts": None, "code_mounts": None, "system_setup_commands": None}
        text = compose(cast("BlueprintCreateParams", alone), base=_base_image(base))
        return Recipe(
            identifier,
            user,
            text,
            build_args=params.get("build_args") or {},
            files=files_of(params),
            code=code_mounts_of(params, self._settings.git_base),
            commands=[command for command in params.get("system_setup_commands") or () if command.strip()],
            contexts=self._contexts(params),
            workplace=self._workplace,
            find=self._image,
            secrets=secrets,
            guard=self._policies.guard(params.get("network_policy_id"), partial(log.write, "warn")),
        )

    def _contexts(self, params: Mapping[str, Any]) -> Contexts:
        main = params.get("build_context")
        named = params.get("named_build_contexts") or {}
        return Contexts(
            self._context(main, "build_context") if main else None,
            {name: self._context(one, f"named_build_contexts.{name}") for name, one in named.items()},
        )

    def _context(self, context: Mapping[str, str], field: str) -> ContextObject:
        view = self._objects.usable(context["object_id"], f"{field}.object_id")
        return ContextObject(view.id, f"{view.id} ({view.name})", partial(self._objects.open, view.id))

    def _image(self, name: str) -> BlueprintRecord | None:
        """Return the blueprint that FROM names by its id, or by a name that one was built with."""
        for record in self._living():
            if name in (record.id, record.view.name) and record.view.status == "build_complete":
                return self._bootable([record])
        return None

    def _note_end(self, identifier: str, image: Image | None, reason: BuildFailureReason) -> BlueprintRecord:
        with self._records.blueprints.changing(identifier) as record:
            if image is not None:
                record.layer, record.image = image.layer, image.config
            record.view.status = "failed" if image is None else "build_complete"
            record.view.failure_reason = reason if image is None else None
            record.view.build_finish_time_ms = self._clock.now_ms()
        return record

    # Finding

    def get(self, identifier: str) -> BlueprintRecord:
        """Return a blueprint, deleted ones included.

        :raises ApiError: 404 if there is none.
        """
        return self._records.blueprints.found(identifier, "blueprint")

    def logs(self, identifier: str) -> BlueprintBuildLogsListView:
        """Return the log of a build, as far as it is."""
        self.get(identifier)
        if log := self._building.get(identifier):
            return BlueprintBuildLogsListView(blueprint_id=identifier, logs=log.lines)
        kept = self._records.build_logs.get(identifier)
        return BlueprintBuildLogsListView(blueprint_id=identifier, logs=kept.lines if kept else [])

    def matching(self, params: Mapping[str, Any]) -> list[BlueprintView]:
        """Return the blueprints that are not deleted and fit, newest first."""
        return [
            record.view
            for record in self._living()
            if params.get("name") in (None, record.view.name)
            and params.get("status") in (None, record.view.status)
        ]

    def _living(self) -> list[BlueprintRecord]:
        return [record for record in self._records.blueprints.all() if record.view.state != "deleted"]

    def usable(self, identifier: str, field: str) -> BlueprintRecord:
        """Return a blueprint that something can start from.

        :param field: the parameter that names it.
        :raises ApiError: 400 if it is not there, or cannot be used here.
        """
        record = self._records.blueprints.get(identifier)
        if record is None or record.view.state == "deleted":
            gone = "was deleted" if record else "does not exist in this state directory"
            raise invalid(f"`{field}`: blueprint `{identifier}` {gone}")
        if record.view.status != "build_complete":
            hint = "see its logs" if record.view.status == "failed" else "wait until it is `build_complete`"
            raise invalid(f"`{field}`: blueprint {identifier} has status `{record.view.status}`: {hint}")
        return self._bootable([record])

    def named(self, name: str, field: str) -> BlueprintRecord:
        """Return the newest blueprint of a name that was built successfully.

        :raises ApiError: 400 if there is none.
        """
        records = self._living()
        built = [record for record in records if record.view.status == "build_complete"]
        candidates = [record for record in built if record.view.name == name]
        if candidates:
            return self._bootable(candidates)
        if any(record.view.name == name for record in records):
            raise invalid(f"`{field}`: no build of the blueprint `{name}` has succeeded yet")
        raise invalid(f"`{field}`: there is no blueprint `{name}`{_nearest(name, built)}")

    def _bootable(self, candidates: list[BlueprintRecord]) -> BlueprintRecord:
        for record in candidates:
            if record.layer is not None and self._engine.layers.exists(record.layer):
                return record
        newest = candidates[0]
        raise wrong_tier(f"blueprint {newest.view.name} ({newest.id})", newest, self._engine.tier)

    # Deleting

    async def delete(self, identifier: str) -> None:
        """Delete a blueprint. It stays readable. No effect on a deleted one.

        :raises ApiError: 400 while snapshots of its devboxes exist.
        """
        self.get(identifier)
        dependents = [
            record.id
            for record in self._records.snapshots.all()
            if record.view.source_blueprint_id == identifier and record.status not in ("deleted", "error")
        ]
        if dependents:
            names = ", ".join(dependents)
            message = f"snapshots depend on blueprint {identifier}: delete {names} first"
            raise ApiError(400, "has_dependents", message)
        with self._records.blueprints.changing(identifier) as record:
            record.view.state = "deleted"
        if record.view.status in ("build_complete", "failed"):
            await self._cache.release(record)


def _base_image(base: BlueprintRecord | None) -> str:
    """Return what FROM names where the Dockerfile has none."""
    return STARTER if base is None else base.id


def _described(params: Mapping[str, Any], base: BlueprintRecord | None, now_ms: int) -> BlueprintView:
    return BlueprintView(
        id=new_id("bpt"),
        name=params["name"],
        create_time_ms=now_ms,
        # The build may be over before the client has this answer; it is never `queued`, which older
        # clients take for the end.
        status="provisioning",
        state="created",
        parameters=BlueprintBuildParameters.model_validate(_without_tokens(params)),
        base_blueprint_id=None if base is None else base.id,
        devbox_capabilities=[],
        is_public=False,
        metadata=params.get("metadata") or {},
    )


def _without_tokens(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown and kept of a request: whoever sees the blueprint need not see them."""
    shown = dict(params)
    if shown.get("code_mounts"):
        shown["code_mounts"] = [
            {name: value for name, value in mount.items() if name != "token"}
            for mount in shown["code_mounts"]
        ]
    return shown


def _check_files(files: Mapping[str, str]) -> None:
    sizes = {path: len(text.encode()) for path, text in files.items()}
    for path, size in sizes.items():
        if size > _FILE_MAX:
            raise invalid(f"`file_mounts`: {path} has {size:,} bytes; {_FILE_MAX:,} is the most for a file")
    total = sum(sizes.values())
    if total > _FILES_MAX:
        raise invalid(f"`file_mounts` have {total:,} bytes; {_FILES_MAX:,} is the most for all of them")


def _nearest(name: str, built: list[BlueprintRecord]) -> str:
    names = list(dict.fromkeys(record.view.name for record in built))
    if close := difflib.get_close_matches(name, names, n=3):
        return ", did you mean " + " or ".join(f"`{match}`" for match in close) + "?"
    return "; none has been built here" if not names else ""
