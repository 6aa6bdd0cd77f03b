"""Lists in pages, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from .errors import invalid


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


I = TypeVar("I", bound=_HasId)  # noqa: E741

DEFAULT_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Slice(Generic[I]):
    """A page: its items, and the counts that go with it."""

    items: list[I]
    counts: dict[str, Any]


def paged(items: Sequence[I], params: Mapping[str, Any]) -> Slice[I]:
    """Cut a page out of a list.

    :param items: everything that matches, newest first.
    :param params: `limit`, `starting_after` and `include_total_count`, as the API has them.
    :raises ApiError: if `starting_after` is no id of this list.
    """
    start = _position(items, params.get("starting_after"))
    end = start + params.get("limit", DEFAULT_LIMIT)
    total = len(items) if params.get("include_total_count", True) else None
    counts = {
        "has_more": end < len(items),
        "total_count": total,
        "remaining_count": max(0, len(items) - end),
    }
    return Slice(list(items[start:end]), counts)


def _position(items: Sequence[_HasId], starting_after: str | None) -> int:
    if starting_after is None:
        return 0
    for index, item in enumerate(items):
        if item.id == starting_after:
            return index + 1
    raise invalid(f"`starting_after`: `{starting_after}` is not an id of this list")
