"""What a devbox is made from that is to be like one of a bundle."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ..session.evidence.schema import Devbox
from ..session.spec import SOURCES, known_keys

_ON_THE_DISK = ("file_mounts", "code_mounts", "mounts", "repo_connection_id")
"""What a devbox has on its disk since its beginning: a snapshot of that disk has it as it became."""
_OURS = ("name", "metadata", "idempotency_key")


def parameters(
    about: Devbox, snapshot: str | None, has_secret: Callable[[str], bool], tell: Callable[[str], None]
) -> dict[str, Any]:
    """Return create parameters.

    :param snapshot: start from this one; else from where the devbox of the bundle was started.
    :param has_secret: tells whether the account has a secret of a name.
    :param tell: is told what the new devbox will lack.
    """
    known = set(known_keys())
    params = {key: value for key, value in about.parameters.items() if key in known and key not in _OURS}
    for place in about.hidden:
        _reveal(params, place.split("."), has_secret, tell)
    if snapshot is None:
        return params
    for key in (*SOURCES, *_ON_THE_DISK):
        params.pop(key, None)
    launch = {**(params.get("launch_parameters") or {})}
    launch.pop("launch_commands", None)
    return {**params, "snapshot_id": snapshot, **({"launch_parameters": launch} if launch else {})}


def _reveal(
    params: dict[str, Any],
    place: list[str],
    has_secret: Callable[[str], bool],
    tell: Callable[[str], None],
) -> None:
    """Put a value in place of one that was hidden, or take it out and say so."""
    key, name = place[0], place[-1]
    inner = params.get(key)
    if not isinstance(inner, Mapping) or len(place) != 2:
        if params.pop(key, None) is not None:
            tell(f"`{key}` held something secret and is left out.")
        return
    params[key] = rest = {known: value for known, value in inner.items() if known != name}
    value = os.environ.get(name) if key == "environment_variables" else None
    if value is not None:
        rest[name] = value
        tell(f"{name} is that of your environment: the bundle has no secrets.")
    elif key == "environment_variables" and has_secret(name):
        params["secrets"] = {**(params.get("secrets") or {}), name: name}
        tell(f"{name} is the account's secret of this name: the bundle has no secrets.")
    else:
        tell(f"{'.'.join(place)} is missing: the bundle has no secrets. {_remedy(key, name)}")


def _remedy(key: str, name: str) -> str:
    if key != "environment_variables":
        return "It cannot be given here."
    return f"Set {name} in your environment, or make a secret of this name."
