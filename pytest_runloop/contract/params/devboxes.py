"""Parameters of the devbox calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Required

from annotated_types import Ge, Le
from typing_extensions import TypedDict

from ._strict import strict
from .launch import LaunchParameters
from .mounts import CodeMountParameters, Mount
from .tunnels import TunnelParameters

DevboxStatus = Literal[
    "provisioning", "initializing", "running", "suspending", "suspended", "resuming", "failure", "shutdown"
]
Limit = Annotated[int, Ge(1), Le(5000)]


@strict
class GatewayParameters(TypedDict, total=False):
    """A service that a devbox may call without having its credential (service of 2026)."""

    gateway: Required[str]
    """The name or the id of a gateway config."""
    secret: Required[str]
    """The credential: the name or the id of a secret."""


@strict
class McpParameters(TypedDict, total=False):
    """An MCP server that a devbox may call without having its credential (service of 2026)."""

    mcp_config: Required[str]
    """The name or the id of an MCP config."""
    secret: Required[str]
    """The credential: the name or the id of a secret."""


@strict
class DevboxBaseCreateParams(TypedDict, total=False):
    """Everything of a new devbox but where it starts from."""

    code_mounts: Sequence[CodeMountParameters] | None
    entrypoint: str | None
    """The devbox's main command: the devbox shuts down when it ends."""
    environment_variables: Mapping[str, str] | None
    file_mounts: Mapping[str, str] | None
    """Path to text: files written before anything runs."""
    gateways: Mapping[str, GatewayParameters] | None
    """Environment variable, which gets the token, to the service; `NAME_URL` gets the address."""
    launch_parameters: LaunchParameters | None
    mcp: Mapping[str, McpParameters] | None
    """Environment variable, which gets the token, to the MCP server; `RL_MCP_URL` gets the address."""
    metadata: Mapping[str, str] | None
    mounts: Sequence[Mount] | None
    name: str | None
    repo_connection_id: str | None
    """Known to the service of 2025 only."""
    secrets: Mapping[str, str] | None
    """Environment variable to the name of the secret whose value it gets."""
    tunnel: TunnelParameters | None
    """A tunnel that is there from the start."""


@strict
class DevboxCreateParams(DevboxBaseCreateParams, total=False):
    """A new devbox. At most one of `blueprint_id`, `blueprint_name` and `snapshot_id`."""

    blueprint_id: str | None
    blueprint_name: str | None
    """The newest blueprint of this name that was built successfully."""
    snapshot_id: str | None


@strict
class DevboxListParams(TypedDict, total=False):
    """Which devboxes to list, newest first."""

    include_total_count: bool
    limit: Limit
    """Items a page; default 20, at most 5,000 (the API's rule)."""
    starting_after: str
    """The id of the last item of the previous page."""
    status: DevboxStatus


@strict
class DevboxUpdateParams(TypedDict, total=False):
    """What can be changed of a devbox."""

    metadata: Mapping[str, str] | None
    name: str | None


@strict
class DevboxShutdownParams(TypedDict, total=False):
    """How to end a devbox."""

    force: bool
    """End it although a snapshot of it is being taken."""


@strict
class DevboxWaitForStatusParams(TypedDict, total=False):
    """Which statuses to wait for, and how long the service may hold the answer."""

    statuses: Required[Annotated[Sequence[DevboxStatus], "at least one"]]
    timeout_seconds: float | None
    """Seconds; the service holds for 10 by default and for 30 at the most."""


@strict
class DevboxReadFileContentsParams(TypedDict, total=False):
    """A text file to read."""

    file_path: Required[str]
    """Absolute, or relative to the user's home."""


@strict
class DevboxWriteFileContentsParams(TypedDict, total=False):
    """A text file to write."""

    contents: Required[str]
    file_path: Required[str]
    """Absolute, or relative to the user's home."""


@strict
class DevboxDownloadFileParams(TypedDict, total=False):
    """A file of any content to read."""

    path: Required[str]
    """Absolute, or relative to the user's home."""


@strict
class DevboxUploadFileParams(TypedDict, total=False):
    """A file of any content to write, as a multipart form."""

    path: Required[str]
    """Absolute, relative to the user's home, or beginning with `~/`."""
    file: object
    """The content: bytes, an open binary file, or a path of this machine."""


@strict
class DevboxSnapshotDiskParams(TypedDict, total=False):
    """How to name and describe a snapshot."""

    commit_message: str | None
    """At most 1,000 characters (the API's rule)."""
    metadata: Mapping[str, str] | None
    name: str | None


DevboxSnapshotDiskAsyncParams = DevboxSnapshotDiskParams


@strict
class DevboxLogsListParams(TypedDict, total=False):
    """Whose log lines to list."""

    execution_id: str
    shell_name: str
