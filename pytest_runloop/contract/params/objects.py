"""Parameters of the storage object calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Required

from annotated_types import Ge, Le
from typing_extensions import TypedDict

from ._strict import strict
from .devboxes import Limit

ContentType = Literal["unspecified", "text", "binary", "gzip", "tar", "tgz"]
ObjectState = Literal["UPLOADING", "READ_ONLY", "DELETED", "ERROR"]


@strict
class ObjectCreateParams(TypedDict, total=False):
    """A new storage object, whose content is uploaded afterwards."""

    content_type: Required[ContentType]
    name: Required[str]
    metadata: Mapping[str, str] | None
    ttl_ms: Annotated[int, Ge(1)] | None
    """Milliseconds from the creation on, after which it is deleted."""


@strict
class ObjectListParams(TypedDict, total=False):
    """Which storage objects to list, newest first."""

    content_type: ContentType
    include_total_count: bool
    limit: Limit
    name: str
    """A part of the name."""
    search: str
    """The id, or a part of the name."""
    starting_after: str
    state: ObjectState


@strict
class ObjectListPublicParams(ObjectListParams, total=False):
    """Which public storage objects to list, newest first."""


@strict
class ObjectDownloadParams(TypedDict, total=False):
    """How long the address of a content is to be good for."""

    duration_seconds: Annotated[int, Ge(1), Le(604_800)]
    """Seconds; default 3,600. A week is the most that signed addresses of object stores last."""
