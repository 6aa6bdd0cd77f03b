# Generated from ../_async/snapshots.py by scripts/unasync.py: change that file, and run the script.
"""Finding disk snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...contract.endpoints import metadata, snapshots
from ..errors import hide_from_traceback
from ..pages import Items
from .listing import listed
from .metadata import Metadata
from .snapshot import Snapshot
from .transport import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from ...contract.endpoint import Endpoint
    from ...contract.params.calls import SDKDiskSnapshotListParams
    from ...contract.views.snapshots import DevboxSnapshotListView

__tracebackhide__ = hide_from_traceback


class SnapshotOps:
    """Finds disk snapshots; `runloop.snapshot`. They are taken by `devbox.snapshot_disk()`.

    `metadata` tells which metadata they have, `public_metadata` that of public ones.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.metadata = Metadata(transport, metadata.OF_SNAPSHOTS, metadata.OF_SNAPSHOTS_VALUES)
        self.public_metadata = Metadata(
            transport, metadata.OF_PUBLIC_SNAPSHOTS, metadata.OF_PUBLIC_SNAPSHOTS_VALUES
        )

    def from_id(self, snapshot_id: str) -> Snapshot:
        """Return the handle of a snapshot. Nothing is asked of the service, so it may not exist."""
        return Snapshot(self._transport, snapshot_id)

    def list(self, **params: Unpack[SDKDiskSnapshotListParams]) -> Items[Snapshot]:
        """Return the snapshots, newest first; further pages are fetched on the way.

        :param params: `devbox_id` for those of one devbox, `limit` for at most so many;
            `extra_query={"metadata[KEY]": "value"}` for those with some metadata.
        """

        return self._listed(snapshots.LIST, params)

    def list_public(self, **params: Unpack[SDKDiskSnapshotListParams]) -> Items[Snapshot]:
        """Return the snapshots that everybody may use; as `list`."""
        return self._listed(snapshots.LIST_PUBLIC, params)

    def _listed(
        self, endpoint: Endpoint[DevboxSnapshotListView], params: Mapping[str, Any]
    ) -> Items[Snapshot]:
        return listed(
            self._transport,
            endpoint,
            {},
            params,
            lambda view: [Snapshot(self._transport, item.id) for item in view.snapshots or []],
        )
