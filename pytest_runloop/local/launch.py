"""What a devbox is launched with: the request, its blueprint's defaults, and what this backend can honour."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..contract.views.gateway_configs import GatewaySpecView
from ..contract.views.launch import LaunchParameters
from ..contract.views.mcp_configs import McpSpecView
from .agent_mounts import AgentMount
from .code_mounts import CodeMount
from .engine import remedies
from .engine.protocol import Capability, Engine
from .errors import ApiError, invalid, not_supported
from .limits import check_size
from .object_mounts import ObjectMount
from .settings import Settings

_MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}
_USERNAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_UID_MAX = 2**31 - 1
_VALUE_MAX = 128 * 1024
"""The kernel takes at most that much for one variable."""

_UNSUPPORTED = {
    "required_services": "start services",
    "axon_event": "resume devboxes for events of axons (`axon_event`): none can be mounted to a devbox",
    "broker_mount": "mount axons to devboxes (`broker_mount`): nothing here hands events to an agent",
    "services": "start services",
}


@dataclass(frozen=True, slots=True)
class User:
    """Whom commands run as."""

    username: str = "user"
    uid: int | None = None

    @property
    def home(self) -> str:
        """Where the user lives, in a devbox with a root of its own."""
        return "/root" if self.username == "root" else f"/home/{self.username}"


@dataclass(frozen=True, slots=True)
class Idle:
    """What happens to a devbox that nobody uses, and after how many seconds."""

    seconds: int
    action: str


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything that a devbox is made from.

    :param files: what is written before anything runs: path to text, in order.
    :param objects: what is put in after the files.
    :param code: the repositories that are cloned after the objects.
    :param agents: what is installed after the repositories.
    :param environment: for every command: secrets over its own variables over those of its image.
    :param secrets: the values among them that no log may show.
    :param image_environment: what the Dockerfile at the bottom of the disk sets.
    :param parameters: the launch parameters, its own over those of its blueprint.
    :param layer: the engine's layer to start from.
    :param source_blueprint_id: the blueprint at the bottom of the disk, through snapshots too.
    :param tunnel: the tunnel that it has from the start.
    :param gateways, mcp: what it may call without having the credentials, by the variables of the tokens.
    """

    name: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    image_environment: dict[str, str] = field(default_factory=dict)
    entrypoint: str | None = None
    files: list[tuple[str, str]] = field(default_factory=list)
    objects: list[ObjectMount] = field(default_factory=list)
    code: list[CodeMount] = field(default_factory=list)
    agents: list[AgentMount] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    layer: str | None = None
    blueprint_id: str | None = None
    snapshot_id: str | None = None
    source_blueprint_id: str | None = None
    tunnel: Mapping[str, Any] | None = None
    gateways: Mapping[str, GatewaySpecView] = field(default_factory=dict)
    mcp: Mapping[str, McpSpecView] = field(default_factory=dict)

    @property
    def user(self) -> User:
        """Whom commands run as."""
        return User(**(self.parameters.get("user_parameters") or {}))

    @property
    def idle(self) -> Idle | None:
        """What happens to it when nobody uses it."""
        lifecycle = self.parameters.get("lifecycle") or {}
        idle = lifecycle.get("after_idle") or self.parameters.get("after_idle")
        return Idle(idle["idle_time_seconds"], idle["on_idle"]) if idle else None

    @property
    def wakes_on_http(self) -> bool | None:
        """Whether requests through its tunnels resume it; `None` leaves it to the tunnel (the API's rule)."""
        lifecycle = self.parameters.get("lifecycle") or {}
        return (lifecycle.get("resume_triggers") or {}).get("http")

    @property
    def network_policy_id(self) -> str | None:
        """The policy that says where it may connect to."""
        return self.parameters.get("network_policy_id")

    @property
    def commands(self) -> list[str]:
        """What runs before the devbox is ready."""
        return list(self.parameters.get("launch_commands") or ())

    @property
    def mounted(self) -> Iterator[str]:
        """The paths and commands of what is mounted."""
        yield from (mount.path for mount in self.objects)
        yield from (mount.install for mount in self.code if mount.install)
        for agent in self.agents:
            yield from filter(None, (agent.path, *agent.setup))

    def keep_alive(self, settings: Settings) -> int | None:
        """Return its lifetime in seconds; `None` if only idleness ends it (the API's rule)."""
        if self.idle:
            return None
        return int(self.parameters.get("keep_alive_time_seconds") or settings.keep_alive)

    def view(self, settings: Settings) -> LaunchParameters:
        """Return the launch parameters as the API echoes them."""
        defaults = {
            "keep_alive_time_seconds": settings.keep_alive,
            "architecture": architecture(),
        }
        return LaunchParameters.model_validate(defaults | given(self.parameters))


def architecture() -> str:
    """Return this machine's architecture, in the API's words."""
    return _MACHINES.get(platform.machine(), platform.machine())


def given(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that say something: a null is as good as nothing."""
    return {name: value for name, value in params.items() if value is not None}


def files_of(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the files of `file_mounts` and of the mounts of type `file_mount`, in order."""
    files = list((params.get("file_mounts") or {}).items())
    mounts = [mount for mount in params.get("mounts") or () if mount["type"] == "file_mount"]
    files += [(mount["target"], mount["content"]) for mount in mounts]
    for path, _ in files:
        check_path(path, "file mount")
    return files


def check_path(path: str, name: str) -> None:
    """Refuse what can be no path.

    :raises ApiError: if it is empty or holds a NUL.
    """
    if not path:
        raise invalid(f"{name}: the path is empty")
    if "\0" in path:
        raise invalid(f"{name}: the path {path!r} holds a NUL, which no file name can")


def refuse_unsupported(params: Mapping[str, Any]) -> None:
    """Refuse what this backend cannot honour, so that nothing is silently left out.

    :param params: of a devbox or a blueprint.
    :raises ApiError: naming the first such parameter.
    """
    launch = params.get("launch_parameters") or {}
    lifecycle = launch.get("lifecycle") or {}
    for values in (params, launch):
        _refuse_any(name for name, value in values.items() if value)
    _refuse_any(mount["type"] for mount in params.get("mounts") or ())
    _refuse_any(name for name, value in (lifecycle.get("resume_triggers") or {}).items() if value)


def _refuse_any(names: Iterable[str]) -> None:
    for name in names:
        if name in _UNSUPPORTED:
            raise not_supported(_UNSUPPORTED[name])


def check_launch_parameters(launch: Mapping[str, Any], engine: Engine, settings: Settings) -> None:
    """Refuse launch parameters that are out of range, or that this machine cannot give.

    :raises ApiError: naming the first such parameter.
    """
    _check_lifetime(launch, settings)
    check_size(launch)
    # Old SDKs document arm64 as the default, and today's x86_64; none of them sends what is not given.
    wanted = launch.get("architecture")
    if wanted and wanted != architecture():
        raise not_supported(
            f"emulate processors: this machine is {architecture()}, and"
            f" `launch_parameters.architecture` asks for {wanted}; leave it out to get this machine's"
        )
    if user := launch.get("user_parameters"):
        _check_user(User(**user), engine)
    for command in launch.get("launch_commands") or ():
        check_command(command, "launch_commands")


def _check_lifetime(launch: Mapping[str, Any], settings: Settings) -> None:
    seconds = launch.get("keep_alive_time_seconds")
    if seconds is not None and not 1 <= seconds <= settings.keep_alive_max:
        limit = settings.keep_alive_max
        raise invalid(f"`launch_parameters.keep_alive_time_seconds` must be 1 to {limit}, not {seconds}")
    plain, nested = launch.get("after_idle"), (launch.get("lifecycle") or {}).get("after_idle")
    if plain and nested and plain != nested:
        raise invalid("`launch_parameters.after_idle` and `.lifecycle.after_idle` differ: give one of them")
    for idle in (plain, nested):
        if idle and idle["idle_time_seconds"] < 1:
            raise invalid("`launch_parameters.after_idle.idle_time_seconds` must be 1 or more")


def _check_user(user: User, engine: Engine) -> None:
    where = "`launch_parameters.user_parameters"
    if not _USERNAME.fullmatch(user.username):
        raise invalid(f"{where}.username`: `{user.username}` can be no user name")
    if user.uid is not None and not 0 <= user.uid <= _UID_MAX:
        raise invalid(f"{where}.uid` must be 0 to {_UID_MAX}, not {user.uid}")
    if user.username == "root":
        if user.uid != 0:
            raise invalid(f"{where}.uid` must be 0 for `root`, not {user.uid}")
        require(engine, Capability.ROOT_USER, "devboxes whose user is root")


def require(engine: Engine, capability: Capability, what: str) -> None:
    """Refuse what needs a capability that the engine lacks.

    :param what: what needs it.
    :raises ApiError: naming the capability and how to get it.
    """
    if capability in engine.capabilities:
        return
    message = (
        f"{what} need the capability `{capability}`, which the isolation tier `{engine.tier}` lacks:"
        f" {remedies.for_capability(capability)} (`pytest-runloop doctor` says how, on this machine)"
    )
    raise ApiError(400, "capability_missing", message)


def check_command(command: str, name: str) -> None:
    """Refuse what can be no command.

    :raises ApiError: if it holds a NUL.
    """
    if "\0" in command:
        raise invalid(f"`{name}`: a command cannot hold a NUL")


def check_home(command: str, user: User, engine: Engine, home: str | None = None) -> None:
    """Refuse a command that names the home by its absolute path, where it is not there.

    :param home: the home as it is in the devbox, if it is known.
    :raises ApiError: naming the capability, the remedy and what to write instead.
    """
    if Capability.OWN_ROOT in engine.capabilities or user.home == home:
        return
    if re.search(rf"(?<![\w.~/-]){re.escape(user.home)}(?![\w.-])", command):
        require(
            engine, Capability.OWN_ROOT, f"commands that name `{user.home}` (write `~` or `$HOME` instead)"
        )


def check_environment(environment: Mapping[str, str], field: str = "environment_variables") -> None:
    """Refuse what can be no environment variable.

    :param field: the parameter that has them.
    :raises ApiError: naming the variable.
    """
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name + value:
            raise invalid(f"`{field}`: `{name}` can be no variable (empty, or with `=` or NUL)")
        if len(name) + len(value.encode()) + 2 > _VALUE_MAX:
            raise invalid(f"`{field}.{name}` is longer than {_VALUE_MAX:,} bytes")
