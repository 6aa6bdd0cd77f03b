"""Views of the metadata that things of one kind have."""

from __future__ import annotations

from .base import View


class MetadataKeysView(View):
    """The keys that there are: what lists can be filtered by."""

    keys: list[str]


class MetadataValuesView(View):
    """The values that one key has."""

    key: str
    values: list[str]
