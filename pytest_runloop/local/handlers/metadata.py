"""Which metadata there is, of all things of one kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ...contract.endpoint import Endpoint
from ...contract.endpoints import metadata as endpoints
from ...contract.views.metadata import MetadataKeysView, MetadataValuesView
from ..backend import Backend
from ..calls import Call
from ._table import Table

HANDLES = Table()
Found = Iterable[Mapping[str, str] | None]
"""The metadata of each thing."""


def _serve(
    keys: Endpoint[MetadataKeysView], values: Endpoint[MetadataValuesView], found: Callable[[Backend], Found]
) -> None:
    @HANDLES(keys)
    async def list_keys(backend: Backend, _call: Call) -> MetadataKeysView:
        return MetadataKeysView(keys=sorted({key for one in found(backend) for key in one or ()}))

    @HANDLES(values)
    async def list_values(backend: Backend, call: Call) -> MetadataValuesView:
        given = {one[call.id] for one in found(backend) if one and call.id in one}
        return MetadataValuesView(key=call.id, values=sorted(given))


def _of_devboxes(backend: Backend) -> Found:
    return [devbox.metadata for devbox in backend.devboxes()]


def _of_snapshots(backend: Backend) -> Found:
    return [view.metadata for view in backend.snapshots.matching({}, {})]


def _of_blueprints(backend: Backend) -> Found:
    return [view.metadata for view in backend.blueprints.matching({})]


def _of_objects(backend: Backend) -> Found:
    return [view.metadata for view in backend.objects.matching({})]


def _of_scenarios(backend: Backend) -> Found:
    return [view.metadata for view in backend.evaluation.scenarios.matching({})]


def _of_benchmarks(backend: Backend) -> Found:
    return [view.metadata for view in backend.evaluation.benchmarks.matching({})]


def _of_nothing(_backend: Backend) -> Found:
    """Return what is public: Runloop publishes things, and so a backend of one's own has none."""
    return ()


_serve(endpoints.OF_DEVBOXES, endpoints.OF_DEVBOXES_VALUES, _of_devboxes)
_serve(endpoints.OF_SNAPSHOTS, endpoints.OF_SNAPSHOTS_VALUES, _of_snapshots)
_serve(endpoints.OF_PUBLIC_SNAPSHOTS, endpoints.OF_PUBLIC_SNAPSHOTS_VALUES, _of_nothing)
_serve(endpoints.OF_BLUEPRINTS, endpoints.OF_BLUEPRINTS_VALUES, _of_blueprints)
_serve(endpoints.OF_PUBLIC_BLUEPRINTS, endpoints.OF_PUBLIC_BLUEPRINTS_VALUES, _of_nothing)
_serve(endpoints.OF_OBJECTS, endpoints.OF_OBJECTS_VALUES, _of_objects)
_serve(endpoints.OF_SCENARIOS, endpoints.OF_SCENARIOS_VALUES, _of_scenarios)
_serve(endpoints.OF_BENCHMARKS, endpoints.OF_BENCHMARKS_VALUES, _of_benchmarks)
