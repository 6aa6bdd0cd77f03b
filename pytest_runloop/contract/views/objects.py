"""Views of storage objects."""

from __future__ import annotations

from pydantic import Field

from ..params.objects import ContentType, ObjectState
from .base import ListView, View


class ObjectView(View):
    """A storage object: what it is called, and where it stands."""

    id: str
    content_type: ContentType | str
    create_time_ms: int
    name: str
    state: ObjectState | str
    delete_after_time_ms: int | None = None
    metadata: dict[str, str] | None = None
    size_bytes: int | None = None
    # Whoever has these may write the content; so no print shows them.
    upload_headers: dict[str, str] | None = Field(default=None, repr=False)
    upload_url: str | None = Field(default=None, repr=False)
    """Where to PUT the content; only in the answer to the creation."""


class ObjectListView(ListView):
    """A page of storage objects."""

    objects: list[ObjectView]


class ObjectDownloadURLView(View):
    """Where to GET a content. Whoever has the address may read it, so no print shows it."""

    download_url: str = Field(repr=False)
