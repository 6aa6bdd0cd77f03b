"""How large a terminal is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ..errors import invalid

_MOST: Final = 1000


class Size(NamedTuple):
    """In characters."""

    columns: int = 80
    rows: int = 24


def size_of(params: Mapping[str, Any]) -> Size | None:
    """Return the size that a request names; `None` if it does not name one that can be."""
    size = Size(params.get("cols", 0), params.get("rows", 0))
    return size if all(1 <= cells <= _MOST for cells in size) else None


def needed_size_of(params: Mapping[str, Any]) -> Size:
    """Return the size that a request must name.

    :raises ApiError: 400 if it does not name one that can be.
    """
    for key in ("cols", "rows"):
        if not 1 <= params.get(key, 0) <= _MOST:
            given = params.get(key, "missing")
            raise invalid(f"`{key}` must be 1 to {_MOST} to resize, and is {given}")
    return Size(params["cols"], params["rows"])
