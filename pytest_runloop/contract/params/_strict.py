"""Unknown keys of a TypedDict are refused, at every depth, wherever one is validated."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ConfigDict, with_config

T = TypeVar("T")


def strict(params: type[T]) -> type[T]:
    """Mark a TypedDict so that its validation refuses keys that it does not declare."""
    return with_config(ConfigDict(extra="forbid", arbitrary_types_allowed=True))(params)
