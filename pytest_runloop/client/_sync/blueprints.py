# Generated from ../_async/blueprints.py by scripts/unasync.py: change that file, and run the script.
"""Making and finding blueprints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...contract.endpoints import blueprints, metadata
from ..answers import without
from ..blueprints import check_file_mounts
from ..errors import RequestInfo, hide_from_traceback
from ..pages import Items
from ..requests import options_of
from .blueprint import Blueprint
from .listing import listed
from .metadata import Metadata
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.endpoint import Endpoint
    from ...contract.params.calls import (
        SDKBlueprintCreateFromInspectionParams,
        SDKBlueprintCreateParams,
        SDKBlueprintListParams,
        SDKBlueprintPreviewParams,
    )
    from ...contract.views.blueprints import BlueprintListView, BlueprintPreviewView, BlueprintView

__tracebackhide__ = hide_from_traceback


class BlueprintOps:
    """Makes and finds blueprints; `runloop.blueprint`.

    `metadata` tells which metadata they have, `public_metadata` that of public ones.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.metadata = Metadata(transport, metadata.OF_BLUEPRINTS, metadata.OF_BLUEPRINTS_VALUES)
        self.public_metadata = Metadata(
            transport, metadata.OF_PUBLIC_BLUEPRINTS, metadata.OF_PUBLIC_BLUEPRINTS_VALUES
        )

    def create(self, **params: Unpack[SDKBlueprintCreateParams]) -> Blueprint:
        """Make a blueprint and wait until it is built.

        :param params: what it is made of; `polling_config` says how long to wait, 120 s by default.
        :raises ValueError: if `file_mounts` are larger than the service takes.
        :raises BlueprintFailedError: if the build fails; the message has the end of its log.
        :raises PollingTimeout: if it takes longer.
        """
        return self._built(blueprints.CREATE, params)

    def create_from_inspection(self, **params: Unpack[SDKBlueprintCreateFromInspectionParams]) -> Blueprint:
        """Make a blueprint that holds a repository, made ready as an inspection of it found; as `create`.

        :param params: `name`, `inspection_source={"inspection_id": …}`, and what else it is made of.
        """
        return self._built(blueprints.CREATE_FROM_INSPECTION, params)

    def _built(self, endpoint: Endpoint[BlueprintView], params: Mapping[str, Any]) -> Blueprint:
        check_file_mounts(params.get("file_mounts"))
        values = {name: value for name, value in params.items() if name != "polling_config"}
        view = self._transport.call(endpoint, {}, values)
        if not view.id:
            raise without("id", RequestInfo("POST", endpoint.path))
        blueprint = Blueprint(self._transport, view.id)
        waiting: Any = options_of(params, "polling_config", "extra_headers", "extra_query")
        blueprint.await_build_complete(**waiting)
        return blueprint

    def preview(self, **params: Unpack[SDKBlueprintPreviewParams]) -> BlueprintPreviewView:
        """Return the Dockerfile that a blueprint would be built from. Nothing is built.

        :param params: as `create` takes them.
        :raises ValueError: if `file_mounts` are larger than the service takes.
        """
        check_file_mounts(params.get("file_mounts"))
        return self._transport.call(blueprints.PREVIEW, {}, params)

    def from_id(self, blueprint_id: str) -> Blueprint:
        """Return the handle of a blueprint. Nothing is asked of the service, so it may not exist."""
        return Blueprint(self._transport, blueprint_id)

    def list(self, **params: Unpack[SDKBlueprintListParams]) -> Items[Blueprint]:
        """Return the blueprints, newest first; further pages are fetched on the way.

        :param params: `name` for those of one name, `limit` for at most so many.
        """

        return self._listed(blueprints.LIST, params)

    def list_public(self, **params: Unpack[SDKBlueprintListParams]) -> Items[Blueprint]:
        """Return the blueprints that everybody may use; as `list`."""
        return self._listed(blueprints.LIST_PUBLIC, params)

    def _listed(self, endpoint: Endpoint[BlueprintListView], params: Mapping[str, Any]) -> Items[Blueprint]:
        return listed(
            self._transport,
            endpoint,
            {},
            params,
            lambda view: [Blueprint(self._transport, item.id) for item in view.blueprints or []],
        )
