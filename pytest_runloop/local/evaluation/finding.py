"""What all lists of this part have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class _Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str | None: ...


def fits(view: _Named, params: Mapping[str, Any]) -> bool:
    """Tell whether something has the name, and the search text, that a list asks for.

    :param params: `name` is the whole name, `search` the id or a part of the name.
    """
    search = params.get("search")
    return params.get("name") in (None, view.name) and (
        search is None or search == view.id or search in (view.name or "")
    )


def changes(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an update replaces: what is null stays (the API's rule)."""
    return {name: value for name, value in params.items() if value is not None}
