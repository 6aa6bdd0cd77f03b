"""What is put into a devbox before it is ready: files, objects, code, agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Required

from pydantic import Discriminator
from typing_extensions import TypedDict

from ._strict import strict


@strict
class ObjectMountParameters(TypedDict, total=False):
    """A storage object, written as a file or unpacked as a directory."""

    object_id: Required[str]
    object_path: Required[str]
    """Where to write the object: an absolute path."""
    type: Required[Literal["object_mount"]]


@strict
class AgentMountParameters(TypedDict, total=False):
    """An agent, by id or by the newest of a name."""

    agent_id: Required[str | None]
    agent_name: Required[str | None]
    type: Required[Literal["agent_mount"]]
    agent_path: str | None
    auth_token: str | None


@strict
class CodeMountParameters(TypedDict, total=False):
    """A git repository, cloned into the home directory."""

    repo_name: Required[str]
    repo_owner: Required[str]
    type: Literal["code_mount"]
    git_ref: str | None
    install_command: str | None
    token: str | None


@strict
class CodeMount(TypedDict, total=False):
    """A git repository as one of `mounts`."""

    repo_name: Required[str]
    repo_owner: Required[str]
    type: Required[Literal["code_mount"]]
    git_ref: str | None
    install_command: str | None
    token: str | None


@strict
class FileMountParameters(TypedDict, total=False):
    """A text file."""

    content: Required[str]
    target: Required[str]
    """Where to write the file."""
    type: Required[Literal["file_mount"]]


@strict
class BrokerMountParameters(TypedDict, total=False):
    """An axon whose events an agent in the devbox gets (service of 2026)."""

    axon_id: Required[str]
    type: Required[Literal["broker_mount"]]
    agent_binary: str | None
    """What starts the agent."""
    launch_args: Sequence[str] | None
    protocol: Literal["acp", "claude_json"] | None
    working_directory: str | None


Mount = Annotated[
    ObjectMountParameters | AgentMountParameters | CodeMount | FileMountParameters | BrokerMountParameters,
    Discriminator("type"),
]
