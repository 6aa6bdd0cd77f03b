"""What a devbox is made from: the marker's arguments, the defaults, the options, merged and checked.

A *spec* is a mapping with the keys of the marker. Later specs stand nearer to the test and win.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from . import options
from .settings import Rank, Settings

Spec = Mapping[str, Any]

SHORT = {"blueprint": "blueprint_name", "snapshot": "snapshot_id"}
"""Our short names for two keys of the API."""
SOURCES = ("blueprint_name", "blueprint_id", "snapshot_id")
MERGED = frozenset(
    {"environment_variables", "file_mounts", "gateways", "launch_parameters", "mcp", "metadata", "secrets"}
)
"""Values that merge key by key. Every other value is replaced as a whole."""
REUSE = ("never", "reset", "shared")


@cache
def known_keys() -> list[str]:
    """Return the name of every argument that a spec may have."""
    from ..contract.hints import hints_of
    from ..contract.params.devboxes import DevboxCreateParams

    return [*SHORT, "reuse", *hints_of(DevboxCreateParams)]


def problems(spec: Spec) -> list[str]:
    """Say what is wrong with a spec, one clause each; nothing if it is right."""
    unknown = [key for key in spec if key not in known_keys()]
    if unknown:
        return [_unknown(key) for key in unknown]
    return [*_bad_reuse(spec), *_bad_sources(spec), *_bad_types(spec)]


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(key, known_keys(), n=1)
    hint = f"did you mean `{near[0]}`?" if near else "known are: " + ", ".join(known_keys())
    return f"`{key}` is not known; {hint}"


def _bad_reuse(spec: Spec) -> Iterator[str]:
    if "reuse" in spec and spec["reuse"] not in REUSE:
        allowed = f"{', '.join(map(repr, REUSE[:-1]))} or {REUSE[-1]!r}"
        yield f"`reuse` must be {allowed}, not {spec['reuse']!r}"


def _bad_sources(spec: Spec) -> Iterator[str]:
    named = [key for key in spec if SHORT.get(key, key) in SOURCES and spec[key] is not None]
    if len(named) > 1:
        names = " and ".join(f"`{key}`" for key in named)
        yield f"{names} each say where the devbox starts from; give one of them"


def _bad_types(spec: Spec) -> Iterator[str]:
    from ..contract.params.devboxes import DevboxCreateParams
    from ..contract.validation import InvalidParamsError, validated

    long_name = {long: short for short, long in SHORT.items() if short in spec}
    try:
        validated(DevboxCreateParams, _canonical(spec))
    except InvalidParamsError as error:
        for problem in error.problems:
            where = long_name.get(problem.where, problem.where)
            yield f"`{where}` {problem.what}" if where else problem.what


def _canonical(spec: Spec) -> dict[str, Any]:
    """Use the API's names, and drop what is not for the API."""
    return {SHORT.get(key, key): value for key, value in spec.items() if key != "reuse"}


def of_settings(settings: Settings) -> Spec:
    """Return what the options say about devboxes."""
    spec: dict[str, Any] = {}
    blueprint, snapshot = settings[options.BLUEPRINT], settings[options.FROM_SNAPSHOT]
    if snapshot and settings.rank(options.FROM_SNAPSHOT) > settings.rank(options.BLUEPRINT):
        spec["snapshot"] = snapshot
    elif blueprint:
        spec["blueprint"] = blueprint
    if settings[options.TTL]:
        spec["launch_parameters"] = {"keep_alive_time_seconds": settings[options.TTL]}
    return spec


def reuse_in(specs: Iterable[Spec], settings: Settings) -> str:
    """Return which devbox a test gets: as the nearest spec says, else as the options say."""
    said = [spec["reuse"] for spec in specs if "reuse" in spec]
    return str(said[-1]) if said else settings[options.REUSE]


def fingerprint(params: Mapping[str, Any], reuse: str, run: str) -> str:
    """Return what is equal for devboxes that can stand in for each other, and gives nothing away.

    :param params: create parameters.
    :param run: the id of the run, in which alone it is of use.
    """
    canonical = json.dumps([run, reuse, params], sort_keys=True, default=repr)
    return hashlib.sha256(canonical.encode()).hexdigest()


def by_hand(settings: Settings) -> Spec:
    """Return what was said for this run alone, and so holds over the markers.

    A failed test's report tells how to start from its snapshot. That must work for every test.
    """
    if settings[options.FROM_SNAPSHOT] and settings.rank(options.FROM_SNAPSHOT) is Rank.COMMAND_LINE:
        return {"snapshot": settings[options.FROM_SNAPSHOT]}
    return {}


def merge(specs: Iterable[Spec]) -> dict[str, Any]:
    """Merge specs, the nearest last, into create parameters of the API.

    * `environment_variables`, `file_mounts`, `gateways`, `launch_parameters`, `mcp`, `metadata` and `secrets`
      merge key by key.
    * A spec that names a source (blueprint or snapshot) replaces the source of those before it.
    * Everything else is replaced as a whole, and `None` takes back what was said before.
    """
    merged: dict[str, Any] = {}
    for spec in specs:
        _lay_over(merged, _canonical(spec))
    return {key: value for key, value in merged.items() if value is not None}


def _lay_over(merged: dict[str, Any], nearer: dict[str, Any]) -> None:
    if any(nearer.get(source) is not None for source in SOURCES):
        for source in SOURCES:
            merged.pop(source, None)
    for key, value in nearer.items():
        before = merged.get(key)
        merges = key in MERGED and isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = {**before, **value} if merges and before else value
