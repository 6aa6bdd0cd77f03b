# Generated from ../_async/snapshot.py by scripts/unasync.py: change that file, and run the script.
"""One disk snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...contract.endpoints import snapshots
from ...contract.views.snapshots import DevboxSnapshotAsyncStatusView, DevboxSnapshotView
from ..concurrency import sleep
from ..errors import PollingTimeout, SnapshotFailedError, hide_from_traceback
from ..polling import Budget
from ..requests import options_of
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKDevboxCreateFromImageParams, SDKDiskSnapshotUpdateParams
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions, PollingRequestOptions
    from .devbox import Devbox

__tracebackhide__ = hide_from_traceback


class Snapshot:
    """A snapshot of a devbox's disk, from which devboxes can be made.

    :param transport: the client's.
    :param snapshot_id: its id.
    """

    def __init__(self, transport: Transport, snapshot_id: str) -> None:
        self._transport = transport
        self._id = snapshot_id
        self._path = {"id": snapshot_id}

    @property
    def id(self) -> str:
        """The snapshot's id."""
        return self._id

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> DevboxSnapshotAsyncStatusView:
        """Return what the service says about it; also after its deletion."""
        return self._transport.call(snapshots.STATUS, self._path, options)

    def update(self, **params: Unpack[SDKDiskSnapshotUpdateParams]) -> DevboxSnapshotView:
        """Change its `name`, `commit_message` or `metadata`."""
        return self._transport.call(snapshots.UPDATE, self._path, params)

    def delete(self, **options: Unpack[LongRequestOptions]) -> None:
        """Delete it."""
        self._transport.call(snapshots.DELETE, self._path, options)

    def await_completed(self, **options: Unpack[PollingRequestOptions]) -> DevboxSnapshotAsyncStatusView:
        """Wait until it is complete.

        :param options: `polling_config` says how long and how often to look; 120 s by default.
        :raises SnapshotFailedError: if it cannot be taken, or was deleted.
        :raises PollingTimeout: if it takes longer.
        """
        budget = Budget(options.get("polling_config"))
        looking: Any = options_of(options, "extra_headers", "extra_query", "timeout")
        while True:
            view = self.get_info(**looking)
            if view.status == "complete":
                return view
            if view.status in ("error", "deleted"):
                told = view.error_message or "no reason given"
                raise SnapshotFailedError(
                    f"Snapshot {self._id} is {view.status}: {told}.", snapshot_id=self._id
                )
            pause = budget.pause_between_looks()
            if pause is None:
                raise PollingTimeout(f"Snapshot {self._id} is not complete after {budget.spent:.0f} s.", view)
            sleep(pause)

    def create_devbox(self, **params: Unpack[SDKDevboxCreateFromImageParams]) -> Devbox:
        """Make a devbox from it, and wait until it runs; as `runloop.devbox.create`."""
        from .devboxes import DevboxOps

        return DevboxOps(self._transport).create_from_snapshot(self._id, **params)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
