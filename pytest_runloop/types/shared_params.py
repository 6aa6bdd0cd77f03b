"""The TypedDicts that have the name of a view."""

from __future__ import annotations

from ..contract.params.agents import AgentSource
from ..contract.params.launch import AfterIdle, LaunchParameters
from ..contract.params.mounts import AgentMountParameters, CodeMountParameters, ObjectMountParameters
from ..contract.params.scenarios import RunProfile

__all__ = [
    "AfterIdle",
    "AgentMountParameters",
    "AgentSource",
    "CodeMountParameters",
    "LaunchParameters",
    "ObjectMountParameters",
    "RunProfile",
]
