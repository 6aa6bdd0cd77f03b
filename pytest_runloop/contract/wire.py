"""Spellings on the wire that differ from the names in Python, as `Field(alias=...)` declares them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple, Required, get_args, get_origin

from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from .hints import hints_of


class _Spelling(NamedTuple):
    """How a key is written, and what its value is if that has such keys itself."""

    name: str
    inner: type | None


def wire_names(params: type) -> list[str]:
    """Return the keys of a TypedDict as they are written on the wire."""
    spelled = _spellings(params)
    return [spelled[name].name if name in spelled else name for name in hints_of(params)]


def on_wire(params: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as they are written on the wire.

    :param params: the TypedDict that describes them.
    """
    spelled = _spellings(params)
    written = {}
    for name, value in values.items():
        spelling = spelled.get(name, _Spelling(name, None))
        inner = spelling.inner if isinstance(value, Mapping) else None
        written[spelling.name] = value if inner is None else on_wire(inner, value)
    return written


@cache
def _spellings(params: type) -> Mapping[str, _Spelling]:
    """Return the keys that matter here: those of another name, and those with such keys inside."""
    hints = hints_of(params)
    found = {name: _Spelling(_alias(hint) or name, _inner(hint)) for name, hint in hints.items()}
    return {name: spelling for name, spelling in found.items() if spelling != (name, None)}


def _alias(hint: Any) -> str | None:
    if get_origin(hint) is Required:
        return _alias(get_args(hint)[0])
    metadata = hint.__metadata__ if get_origin(hint) is Annotated else ()
    return next((item.alias for item in metadata if isinstance(item, FieldInfo) and item.alias), None)


def _inner(hint: Any) -> type | None:
    return next((found for found in _typeddicts(hint) if _spellings(found)), None)


def _typeddicts(hint: Any) -> Iterator[type]:
    """Yield the TypedDicts that a value may be. What lists hold has no such keys."""
    if is_typeddict(hint):
        yield hint
    elif get_origin(hint) in (Required, Annotated):
        yield from _typeddicts(get_args(hint)[0])
    elif type(None) in get_args(hint):
        for choice in get_args(hint):
            yield from _typeddicts(choice)
