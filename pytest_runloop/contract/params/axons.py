"""Parameters of the axon calls (service of 2026)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Required

from annotated_types import Ge, Le
from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from ._strict import strict
from .devboxes import Limit

PublishEventOrigin = Literal["EXTERNAL_EVENT", "AGENT_EVENT", "USER_EVENT"]

_INT64 = 2**63


def _bindable(value: Any) -> Any:
    if value is not None and not isinstance(value, str | int | float):
        raise PydanticCustomError("sql_value", "must be text, a number, true, false or null")
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise PydanticCustomError("sql_value", "must fit into 64 bits, as integers of SQLite do")
    return value


SqlValue = Annotated[
    str | int | float | bool | None,
    PlainValidator(_bindable),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "integer", "minimum": -_INT64, "maximum": _INT64 - 1},
                {"type": "number"},
                {"type": "boolean"},
                {"type": "null"},
            ]
        }
    ),
]
"""What a `?` can stand for."""


@strict
class AxonCreateParams(TypedDict, total=False):
    """A new axon."""

    metadata: Mapping[str, str] | None
    name: str | None


@strict
class AxonUpdateParams(TypedDict, total=False):
    """What can be changed of an axon; what is left out is kept."""

    metadata: Mapping[str, str] | None
    """In place of all that it has; an empty one removes that."""


@strict
class AxonListParams(TypedDict, total=False):
    """Which axons to list, newest first, deleted ones too; `metadata[KEY]` filters by metadata."""

    id: str
    include_total_count: bool
    limit: Limit
    metadata_key: str
    metadata_key_in: str
    name: str
    """The beginning of the name."""
    search: str
    """The id, or a part of the name."""
    starting_after: str


@strict
class EventListParams(TypedDict, total=False):
    """Which events of an axon to list, newest first."""

    include_total_count: bool
    limit: Limit
    starting_after: str
    """The sequence number of an event: those before it are listed."""


@strict
class AxonPublishParams(TypedDict, total=False):
    """A new event."""

    event_type: Required[str]
    """As `push`, `pull_request`."""
    origin: Required[PublishEventOrigin]
    payload: Required[str]
    """JSON, as text."""
    source: Required[str]
    """As `github`, `slack`."""


@strict
class AxonSubscribeSseParams(TypedDict, total=False):
    """Where to begin in an axon's events."""

    after_sequence: Annotated[int, Ge(-1), Le(_INT64 - 1)]
    """Only events of higher sequence numbers; else all, from the first on."""


@strict
class SqlStatementParams(TypedDict, total=False):
    """One statement for an axon's database."""

    params: Sequence[SqlValue]
    """What the placeholders stand for, in order."""
    sql: Required[str]
    """With `?` as placeholders."""


SqlQueryParams = SqlStatementParams


@strict
class SqlBatchParams(TypedDict, total=False):
    """Statements that are carried out together, or not at all."""

    statements: Required[Sequence[SqlStatementParams]]
