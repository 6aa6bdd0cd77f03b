"""What a key must be allowed for each endpoint.

The service says which resource types and levels there are, and not what each call asks for. Here, whatever
belongs to no type of its own, as secrets, belongs to the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..contract.params.keys import ApiAccessLevel, ApiResourceType
from .routing import AnyEndpoint

_BY_COLLECTION: Final[Mapping[str, ApiResourceType]] = {
    "devboxes": "RESOURCE_TYPE_DEVBOXES",
    "pty": "RESOURCE_TYPE_DEVBOXES",
    "blueprints": "RESOURCE_TYPE_BLUEPRINTS",
    "objects": "RESOURCE_TYPE_OBJECTS",
    "agents": "RESOURCE_TYPE_AGENTS",
    "repositories": "RESOURCE_TYPE_REPO_CONNECTIONS",
    "scenarios": "RESOURCE_TYPE_SCENARIOS",
    "benchmarks": "RESOURCE_TYPE_BENCHMARKS",
    "benchmark_runs": "RESOURCE_TYPE_BENCHMARKS",
    "benchmark_jobs": "RESOURCE_TYPE_BENCHMARKS",
}
_OF_SNAPSHOTS: Final = frozenset({"disk_snapshots", "snapshot_disk", "snapshot_disk_async"})
_CHANGE_NOTHING: Final = frozenset(
    {"wait_for_status", "read_file_contents", "download_file", "download_logs", "preview"}
)
"""The last parts of the paths of calls that are sent by POST and only look."""
_LEVELS: Final[tuple[str, ...]] = ("ACCESS_LEVEL_NONE", "ACCESS_LEVEL_READ", "ACCESS_LEVEL_WRITE")

Scopes = Mapping[str, str]
"""Resource type to access level."""


class Need(NamedTuple):
    """What a key must have for a call."""

    resource_type: ApiResourceType
    access_level: ApiAccessLevel

    def met_by(self, scopes: Scopes) -> bool:
        """Tell whether a key of these scopes has it."""
        given = scopes.get(self.resource_type, "ACCESS_LEVEL_NONE")
        return _LEVELS.index(given) >= _LEVELS.index(self.access_level)

    def __str__(self) -> str:
        return f"{self.resource_type} with {self.access_level}"


def needed_for(endpoint: AnyEndpoint) -> Need:
    """Return what a key must have for an endpoint."""
    parts = endpoint.path.strip("/").split("/")
    looks = endpoint.verb == "GET" or parts[-1] in _CHANGE_NOTHING
    return Need(_type_of(parts), "ACCESS_LEVEL_READ" if looks else "ACCESS_LEVEL_WRITE")


def _type_of(parts: list[str]) -> ApiResourceType:
    if not _OF_SNAPSHOTS.isdisjoint(parts):
        return "RESOURCE_TYPE_SNAPSHOTS"
    collection = parts[0] if parts[0] in _BY_COLLECTION else parts[1]
    return _BY_COLLECTION.get(collection, "RESOURCE_TYPE_ACCOUNT")
