"""Unknown keys of a TypedDict are refused, at every depth, wherever one is validated."""

from __future__ import annotations

from typing import ForwardRef, TypeVar

from pydantic import ConfigDict, with_config

T = TypeVar("T")


def strict(params: type[T]) -> type[T]:
    """Mark a TypedDict so that its validation refuses keys that it does not declare."""
    _note_required_keys(params)
    return with_config(ConfigDict(extra="forbid", arbitrary_types_allowed=True))(params)


def _note_required_keys(params: type) -> None:
    # Python does not look into annotations that are text, as all are here, and takes none for required.
    required = {name for name, hint in params.__annotations__.items() if _is_required(hint)}
    params.__required_keys__ |= required  # type: ignore[attr-defined]
    params.__optional_keys__ -= required  # type: ignore[attr-defined]


def _is_required(hint: object) -> bool:
    return isinstance(hint, ForwardRef) and hint.__forward_arg__.startswith("Required[")
