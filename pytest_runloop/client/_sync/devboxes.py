# Generated from ../_async/devboxes.py by scripts/unasync.py: change that file, and run the script.
"""Making and finding devboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...contract.endpoints import devboxes, metadata
from ...contract.views.devboxes import DevboxEvictionEventView, DevboxView
from ..answers import without
from ..errors import APIStatusError, RequestInfo, hide_from_traceback
from ..pages import Items
from ..requests import options_of
from .devbox import Devbox
from .events import Events, events
from .listing import listed
from .metadata import Metadata
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import (
        SDKDevboxCreateFromImageParams,
        SDKDevboxCreateParams,
        SDKDevboxListParams,
    )
    from ...contract.params.options import BaseRequestOptions

__tracebackhide__ = hide_from_traceback


class DevboxOps:
    """Makes and finds devboxes; `runloop.devbox`.

    `metadata` tells which metadata they have.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.metadata = Metadata(transport, metadata.OF_DEVBOXES, metadata.OF_DEVBOXES_VALUES)
        self._is_old = False

    def create(self, **params: Unpack[SDKDevboxCreateParams]) -> Devbox:
        """Make a devbox and wait until it runs.

        :param params: what it is made of; `polling_config` says how long to wait, 120 s by default.
        :raises DevboxFailedError: if it ends instead; the message has the reason and the end of its log.
        :raises PollingTimeout: if it takes longer. The devbox is left as it is; the message has its id.
        """
        values = {name: value for name, value in params.items() if name != "polling_config"}
        view = self._created(values)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/devboxes"))
        devbox = Devbox(self._transport, view.id)
        if view.status != "running":
            waiting: Any = options_of(params, "polling_config", "extra_headers", "extra_query")
            devbox.await_running(**waiting)
        return devbox

    def create_from_blueprint_id(
        self, blueprint_id: str, **params: Unpack[SDKDevboxCreateFromImageParams]
    ) -> Devbox:
        """Make a devbox from a blueprint, and wait until it runs; as `create`."""
        return self.create(blueprint_id=blueprint_id, **params)

    def create_from_blueprint_name(
        self, blueprint_name: str, **params: Unpack[SDKDevboxCreateFromImageParams]
    ) -> Devbox:
        """Make a devbox from the newest blueprint of a name, and wait until it runs; as `create`."""
        return self.create(blueprint_name=blueprint_name, **params)

    def create_from_snapshot(
        self, snapshot_id: str, **params: Unpack[SDKDevboxCreateFromImageParams]
    ) -> Devbox:
        """Make a devbox from a snapshot, and wait until it runs; as `create`."""
        return self.create(snapshot_id=snapshot_id, **params)

    def from_id(self, devbox_id: str) -> Devbox:
        """Return the handle of a devbox. Nothing is asked of the service, so it may not exist."""
        return Devbox(self._transport, devbox_id)

    def list(self, **params: Unpack[SDKDevboxListParams]) -> Items[Devbox]:
        """Return the devboxes, newest first, ended ones too; further pages are fetched on the way.

        :param params: `status` for those of one status, `limit` for at most so many.
        """
        return listed(
            self._transport,
            devboxes.LIST,
            {},
            params,
            lambda view: [Devbox(self._transport, item.id) for item in view.devboxes or []],
        )

    def watch_evictions(self, **options: Unpack[BaseRequestOptions]) -> Events[DevboxEvictionEventView]:
        """Return which devboxes are to lose their host, and when: those known, and those that come.

        Such a devbox runs on until `eviction_deadline_ms`, milliseconds since the epoch, and is suspended
        then. The service (since August 2026) promises neither. When it ends the stream, ask again. Whoever
        stops before that closes it, best with a `with` block.

        :raises APIError: on the walk, if there is no such stream, or the connection breaks; nothing is
            repeated.
        """
        return events(self._transport, devboxes.WATCH_EVICTIONS, {}, options)

    def _created(self, values: dict[str, Any]) -> DevboxView:
        if self._is_old:
            return self._transport.call(devboxes.CREATE, {}, values)
        try:
            return self._transport.call(devboxes.CREATE_AND_AWAIT_RUNNING, {}, values)
        except APIStatusError as error:
            if error.status_code not in (404, 405):
                raise
        # The call came in August 2026. A service that makes a devbox without it is older: remember that.
        view = self._transport.call(devboxes.CREATE, {}, values)
        self._is_old = True
        return view
