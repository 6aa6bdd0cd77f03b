"""Which metadata there is: keys, and the values of a key, of all things of one kind (service of 2026)."""

from __future__ import annotations

from ..endpoint import Json, get
from ..views.metadata import MetadataKeysView, MetadataValuesView

_KEYS = Json(view=MetadataKeysView)
_VALUES = Json(view=MetadataValuesView)

OF_DEVBOXES = get("/v1/devboxes/metadata/keys", _KEYS)
OF_DEVBOXES_VALUES = get("/v1/devboxes/metadata/keys/{key}/values", _VALUES)
OF_SNAPSHOTS = get("/v1/devboxes/disk_snapshots/metadata/keys", _KEYS)
OF_SNAPSHOTS_VALUES = get("/v1/devboxes/disk_snapshots/metadata/keys/{key}/values", _VALUES)
OF_PUBLIC_SNAPSHOTS = get("/v1/devboxes/disk_snapshots/public/metadata/keys", _KEYS)
OF_PUBLIC_SNAPSHOTS_VALUES = get("/v1/devboxes/disk_snapshots/public/metadata/keys/{key}/values", _VALUES)
OF_BLUEPRINTS = get("/v1/blueprints/metadata/keys", _KEYS)
OF_BLUEPRINTS_VALUES = get("/v1/blueprints/metadata/keys/{key}/values", _VALUES)
OF_PUBLIC_BLUEPRINTS = get("/v1/blueprints/public/metadata/keys", _KEYS)
OF_PUBLIC_BLUEPRINTS_VALUES = get("/v1/blueprints/public/metadata/keys/{key}/values", _VALUES)
OF_OBJECTS = get("/v1/objects/metadata/keys", _KEYS)
OF_OBJECTS_VALUES = get("/v1/objects/metadata/keys/{key}/values", _VALUES)
OF_SCENARIOS = get("/v1/scenarios/metadata/keys", _KEYS)
OF_SCENARIOS_VALUES = get("/v1/scenarios/metadata/keys/{key}/values", _VALUES)
OF_BENCHMARKS = get("/v1/benchmarks/metadata/keys", _KEYS)
OF_BENCHMARKS_VALUES = get("/v1/benchmarks/metadata/keys/{key}/values", _VALUES)
