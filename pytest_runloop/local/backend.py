"""The whole backend behind the HTTP application: devboxes, and all that they start from and serve."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .agents import Agents
from .blueprints import Blueprints
from .builds import environment_of_image
from .clock import Clock, SystemClock
from .code_mounts import code_mounts_of
from .commands import Commands
from .devboxes import Devbox, Initiator, Tools
from .engine.protocol import Engine
from .errors import invalid, not_found, shutting_down
from .events import Death, DevboxEvents, UndisturbedDevboxes
from .evictions import Evictions
from .ids import new_id
from .launch import (
    Launch,
    check_command,
    check_environment,
    check_home,
    check_launch_parameters,
    check_path,
    files_of,
    given,
    refuse_unsupported,
)
from .life import Life
from .network_policies import NetworkPolicies
from .object_mounts import ObjectMount
from .objects import Objects
from .records import Records
from .secrets import Secrets
from .servers import Presence
from .settings import Settings
from .signing import Signer
from .snapshots import Snapshots
from .ssh import SSH
from .store import Store
from .tasks import Tasks
from .tunnels import Tunnels

if TYPE_CHECKING:
    from .account import Account
    from .axons.axons import Axons
    from .evaluation.evaluation import Evaluation
    from .gateways import Gateways
    from .keys import Keys
    from .pty.ptys import Ptys
    from .repositories import Repositories

_SOURCES = ("blueprint_id", "blueprint_name", "snapshot_id", "repo_connection_id")
_END_SECONDS = 10


class Backend:
    """Everything that requests act on.

    :param engine: boots the devboxes; the backend closes it.
    :param state_dir: what outlives the server, shared by all servers of this user.
    :param events: hears of the life of devboxes, and may take part in it.
    :raises StoreError, OSError: if the state directory cannot be used.
    """

    def __init__(
        self,
        engine: Engine,
        state_dir: Path,
        *,
        clock: Clock | None = None,
        settings: Settings | None = None,
        events: DevboxEvents | None = None,
    ) -> None:
        self.engine = engine
        self.clock = clock or SystemClock()
        self.settings = settings or Settings()
        self._presence = Presence(state_dir)
        self.directory = self._presence.directory
        self.state_dir = state_dir
        self._tasks = Tasks()
        self._store = Store(state_dir / "backend.sqlite3")
        self._records = records = Records(self._store)
        self.network_policies = NetworkPolicies(self._store, records, engine, self.clock)
        self._tools = Tools(
            self.clock,
            self.settings,
            self.directory,
            state_dir,
            events or UndisturbedDevboxes(),
            self.network_policies,
        )
        self.snapshots = Snapshots(records, engine, self.clock, self._tasks, self._presence.id)
        self.secrets = Secrets(self._store, records, self.clock)
        self.objects = Objects(records, self.clock, state_dir, self.directory, self._presence.id)
        self.agents = Agents(records, self.clock, self.objects)
        self.signer = Signer(self.clock)
        self.blueprints = Blueprints(
            records,
            engine,
            self.clock,
            self._tasks,
            self.settings,
            self._presence,
            self.objects,
            self.secrets,
            self.network_policies,
        )
        self.commands = Commands(engine, self._tasks)
        self.ssh = SSH(engine, self.directory, self._tasks)
        self.tunnels = Tunnels(self.clock, self.settings, self._tasks)
        self._lives: dict[str, Life] = {}
        self._closing = False
        self.evictions = Evictions(self.clock)
        self._settle()

    def _settle(self) -> None:
        """Let the plan act on devboxes, and give up what dead servers left half made."""
        self._tools.events.on_death(self._end)
        self._tools.events.on_eviction(self._evict)
        living = self._presence.living()
        for half_made in (self.snapshots, self.blueprints, self.objects):
            half_made.abandon(living)

    # What few servers are asked for is loaded, and settles what dead servers left, when it is asked for:
    # it took an eighth of a second of every start.

    @cached_property
    def repositories(self) -> Repositories:
        """The repositories that are known by an id, and their inspections."""
        from .repositories import Repositories

        made = Repositories(
            self._records, self.clock, self._tasks, self.settings, self._presence, self.blueprints
        )
        made.abandon(self._presence.living())
        return made

    @cached_property
    def account(self) -> Account:
        """The account."""
        from .account import Account

        return Account(self._store, self._records, self.clock)

    @cached_property
    def keys(self) -> Keys:
        """The keys that were made through the API."""
        from .keys import Keys

        return Keys(self._records, self.clock)

    @cached_property
    def axons(self) -> Axons:
        """The axons, with their events and databases."""
        from .axons.axons import Axons

        return Axons(
            self._store,
            self._records,
            self.clock,
            self._tasks,
            self.settings,
            self.state_dir,
            self.directory,
        )

    @cached_property
    def ptys(self) -> Ptys:
        """The terminals of devboxes."""
        from .pty.ptys import Ptys

        return Ptys(self.engine, self.clock, self.settings, self._tasks)

    @cached_property
    def evaluation(self) -> Evaluation:
        """Scenarios, benchmarks, scorers, and their runs."""
        from .evaluation.evaluation import Evaluation

        made = Evaluation(
            self._store,
            self._records,
            self,
            self.engine,
            self.clock,
            self._tasks,
            self.settings,
            self._presence,
        )
        made.scenario_runs.abandon(self._presence.living())
        return made

    @cached_property
    def gateways(self) -> Gateways:
        """What devboxes may call without having the credentials."""
        from .gateways import Gateways

        return Gateways(
            self._store, self._records, self.clock, self.secrets, self.engine, self.network_policies
        )

    @property
    def _has_gateways(self) -> bool:
        return "gateways" in vars(self)

    def create(self, params: Mapping[str, Any], initiator: Initiator = ("api", None)) -> Devbox:
        """Make a devbox, and begin to boot it.

        :param params: as the API has them.
        :param initiator: what makes it.
        :raises ApiError: if they contradict each other, or this backend cannot honour them.
        """
        if self._closing:
            raise shutting_down()
        launch, access = self._launch(params), None
        if params.get("gateways") or params.get("mcp"):
            launch, access = self.gateways.launched(launch, params)
        devbox = Devbox(new_id("dbx"), launch, self._tools, initiator)
        life = self._lives[devbox.id] = Life(devbox, self.engine, self._tools, self._tasks)
        self._forget_oldest()
        self._enable_tunnel(life)
        if access is not None:
            self.gateways.admit(life, access)
        life.begin()
        return devbox

    def _enable_tunnel(self, life: Life) -> None:
        if life.devbox.launch.tunnel is not None:
            self.tunnels.enable(life, life.devbox.launch.tunnel)

    async def reset(self, identifier: str) -> None:
        """Put a devbox back to the state in which it began to run, with its id and all that it was made from.

        :raises ApiError: 400 if it does not run, or does not come up again; 404 if there is none of this id.
        """
        life = self.life(identifier)
        life.devbox.running_box("reset it")
        await self.tunnels.forget(life)
        await self.ssh.forget(life)
        if self._has_gateways:
            self.gateways.forget_minted(life)
        self.ptys.forget(life)
        await life.reset()
        self._enable_tunnel(life)

    def _launch(self, params: Mapping[str, Any]) -> Launch:
        refuse_unsupported(params)
        source = self._source(params)
        parameters = source.pop("parameters") | given(params.get("launch_parameters") or {})
        secrets = self.secrets.values(params.get("secrets") or {})
        own = params.get("environment_variables") or {}
        code, agents = code_mounts_of(params, self.settings.git_base), list(self.agents.mounts(params))
        tokens = [*(one.remote.token for one in code), *(one.token for one in agents)]
        launch = Launch(
            name=params.get("name"),
            metadata=dict(params.get("metadata") or {}),
            environment={**source["image_environment"], **own, **secrets},
            secrets=(*secrets.values(), *filter(None, tokens)),
            entrypoint=params.get("entrypoint"),
            files=files_of(params),
            objects=list(self._object_mounts(params)),
            code=code,
            agents=agents,
            parameters=parameters,
            tunnel=params.get("tunnel"),
            **source,
        )
        self._check(launch)
        return launch

    def _object_mounts(self, params: Mapping[str, Any]) -> Iterator[ObjectMount]:
        for mount in params.get("mounts") or ():
            if mount["type"] == "object_mount":
                check_path(mount["object_path"], "object mount")
                view = self.objects.usable(mount["object_id"], "mounts.object_id")
                name = f"{view.id} ({view.name})"
                yield ObjectMount(
                    name, view.content_type, mount["object_path"], partial(self.objects.open, view.id)
                )

    def _check(self, launch: Launch) -> None:
        check_launch_parameters(launch.parameters, self.engine, self.settings)
        self.network_policies.check(launch.network_policy_id, "launch_parameters.network_policy_id")
        check_environment(launch.environment)
        for text in (*launch.commands, *launch.mounted):
            check_home(text, launch.user, self.engine)
        if launch.entrypoint is not None:
            check_command(launch.entrypoint, "entrypoint")
            check_home(launch.entrypoint, launch.user, self.engine)

    def _source(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of `Launch` that say where the disk comes from."""
        named = [name for name in _SOURCES if params.get(name)]
        if len(named) > 1:
            raise invalid(
                f"`{named[0]}` and `{named[1]}` are both given: a devbox starts from one source at most"
            )
        if not named:
            return {"parameters": {}, "image_environment": {}}
        value = params[named[0]]
        if named[0] == "snapshot_id":
            return self._from_snapshot(value)
        if named[0] == "repo_connection_id":
            value = self.repositories.built(value, named[0])
        blueprint = (
            self.blueprints.named(value, named[0])
            if named[0] == "blueprint_name"
            else self.blueprints.usable(value, named[0])
        )
        return {
            "parameters": blueprint.launch,
            "image_environment": environment_of_image(blueprint.image) if blueprint.image else {},
            "layer": blueprint.layer,
            "blueprint_id": blueprint.id,
            "source_blueprint_id": blueprint.id,
        }

    def _from_snapshot(self, identifier: str) -> dict[str, Any]:
        record = self.snapshots.usable(identifier)
        # The disk holds that user's home, and so the devbox has that user unless it asks for another.
        user = {"username": record.username, "uid": record.uid}
        return {
            "parameters": {"user_parameters": user} if record.uid is not None else {},
            "image_environment": record.environment,
            "layer": record.layer,
            "snapshot_id": record.id,
            "source_blueprint_id": record.view.source_blueprint_id,
        }

    def _forget_oldest(self) -> None:
        while len(self._lives) > self.settings.devboxes_kept:
            oldest = next((life.devbox for life in self._lives.values() if life.devbox.ended), None)
            if oldest is None:
                return
            oldest.executions.discard()
            del self._lives[oldest.id]

    def life(self, identifier: str) -> Life:
        """Return a devbox's life.

        :raises ApiError: 404 if there is none of this id.
        """
        life = self._lives.get(identifier)
        if life is None:
            raise not_found("devbox", identifier)
        return life

    def devbox(self, identifier: str) -> Devbox:
        """Return a devbox, ended ones included.

        :raises ApiError: 404 if there is none of this id.
        """
        return self.life(identifier).devbox

    def _end(self, identifier: str, death: Death) -> bool:
        life = self._lives.get(identifier)
        return life is not None and life.die(death)

    def _evict(self, identifier: str, seconds: float) -> bool:
        life = self._lives.get(identifier)
        return life is not None and self.evictions.announce(life, seconds)

    def devboxes(self) -> list[Devbox]:
        """Return all devboxes, newest first."""
        return [life.devbox for life in reversed(self._lives.values())]

    def end_all(self, *, but: Collection[str]) -> None:
        """End all devboxes but these, and make no further ones.

        :param but: ids.
        """
        self._closing = True
        for life in list(self._lives.values()):
            if life.devbox.id not in but:
                life.end("api_shutdown")

    def lives(self) -> bool:
        """Tell whether any devbox lives."""
        return any(not life.devbox.ended for life in self._lives.values())

    async def close(self) -> None:
        """End every devbox, wait until nothing of them is left, and close the store."""
        self.end_all(but=())
        self.evictions.close()
        if "axons" in vars(self):
            await self.axons.close(_END_SECONDS)
        await self.tunnels.close()
        await self._tasks.finish(_END_SECONDS)
        if self._has_gateways:
            await self.gateways.close()
        await asyncio.wait_for(self.engine.close(), _END_SECONDS)
        self.objects.close()
        self._store.close()
        self._presence.close()
