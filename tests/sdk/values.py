"""Values of any parameter, for calls that lead nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from typing_extensions import is_typeddict


def value(kind: Any) -> Any:
    """Return a value of a type, with all there can be in it."""
    if is_typeddict(kind):
        return {name: value(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return inner[-1]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"a key": value(inner[1])}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return [value(inner[0])] * 2
    if inner:  # Annotated, Required, or one of several.
        return value(inner[0])
    return {str: "ä b/c", int: 3, float: 1.5, bool: True, object: b"\x00\xff", Any: "any"}[kind]
