"""Mounts as the API echoes them."""

from __future__ import annotations

from typing import Literal

from .base import View


class ObjectMountParameters(View):
    """A storage object, written as a file or unpacked as a directory."""

    object_id: str
    object_path: str
    type: Literal["object_mount"] | str


class AgentMountParameters(View):
    """An agent, by id or by the newest of a name."""

    type: Literal["agent_mount"] | str
    agent_id: str | None = None
    agent_name: str | None = None
    agent_path: str | None = None
    auth_token: str | None = None


class CodeMountParameters(View):
    """A git repository, cloned into the home directory."""

    repo_name: str
    repo_owner: str
    type: Literal["code_mount"] | str | None = None
    git_ref: str | None = None
    install_command: str | None = None
    token: str | None = None
