# Generated from ../_async/metadata.py by scripts/unasync.py: change that file, and run the script.
"""Which metadata there is, of all things of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import hide_from_traceback
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.endpoint import Endpoint
    from ...contract.params.options import BaseRequestOptions
    from ...contract.views.metadata import MetadataKeysView, MetadataValuesView

__tracebackhide__ = hide_from_traceback


class Metadata:
    """Tells which metadata the things of one kind have.

    :param transport: the client's.
    :param keys: the call for the keys.
    :param values: the call for the values of one.
    """

    def __init__(
        self,
        transport: Transport,
        keys: Endpoint[MetadataKeysView],
        values: Endpoint[MetadataValuesView],
    ) -> None:
        self._transport = transport
        self._keys = keys
        self._values = values

    def keys(self, **options: Unpack[BaseRequestOptions]) -> list[str]:
        """Return the keys that at least one of them has."""
        view = self._transport.call(self._keys, {}, options)
        return view.keys or []

    def values(self, key: str, **options: Unpack[BaseRequestOptions]) -> list[str]:
        """Return the values that a key has in at least one of them."""
        view = self._transport.call(self._values, {"key": key}, options)
        return view.values or []
