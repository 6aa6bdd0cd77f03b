"""Making and finding blueprints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...contract.endpoints import blueprints, metadata
from ..answers import without
from ..blueprints import check_file_mounts
from ..errors import RequestInfo, hide_from_traceback
from ..pages import AsyncItems
from ..requests import options_of
from .blueprint import AsyncBlueprint
from .listing import async_listed
from .metadata import AsyncMetadata
from .transport import AsyncTransport

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


class AsyncBlueprintOps:
    """Makes and finds blueprints; `runloop.blueprint`.

    `metadata` tells which metadata they have, `public_metadata` that of public ones.

    :param transport: the client's.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self.metadata = AsyncMetadata(transport, metadata.OF_BLUEPRINTS, metadata.OF_BLUEPRINTS_VALUES)
        self.public_metadata = AsyncMetadata(
            transport, metadata.OF_PUBLIC_BLUEPRINTS, metadata.OF_PUBLIC_BLUEPRINTS_VALUES
        )

    async def create(self, **params: Unpack[SDKBlueprintCreateParams]) -> AsyncBlueprint:
        """Make a blueprint and wait until it is built.

        :param params: what it is made of; `polling_config` says how long to wait, 120 s by default.
        :raises ValueError: if `file_mounts` are larger than the service takes.
        :raises BlueprintFailedError: if the build fails; the message has the end of its log.
        :raises PollingTimeout: if it takes longer.
        """
        return await self._built(blueprints.CREATE, params)

    async def create_from_inspection(
        self, **params: Unpack[SDKBlueprintCreateFromInspectionParams]
    ) -> AsyncBlueprint:
        """Make a blueprint that holds a repository, made ready as an inspection of it found; as `create`.

        :param params: `name`, `inspection_source={"inspection_id": …}`, and what else it is made of.
        """
        return await self._built(blueprints.CREATE_FROM_INSPECTION, params)

    async def _built(self, endpoint: Endpoint[BlueprintView], params: Mapping[str, Any]) -> AsyncBlueprint:
        check_file_mounts(params.get("file_mounts"))
        values = {name: value for name, value in params.items() if name != "polling_config"}
        view = await self._transport.call(endpoint, {}, values)
        if not view.id:
            raise without("id", RequestInfo("POST", endpoint.path))
        blueprint = AsyncBlueprint(self._transport, view.id)
        waiting: Any = options_of(params, "polling_config", "extra_headers", "extra_query")
        await blueprint.await_build_complete(**waiting)
        return blueprint

    async def preview(self, **params: Unpack[SDKBlueprintPreviewParams]) -> BlueprintPreviewView:
        """Return the Dockerfile that a blueprint would be built from. Nothing is built.

        :param params: as `create` takes them.
        :raises ValueError: if `file_mounts` are larger than the service takes.
        """
        check_file_mounts(params.get("file_mounts"))
        return await self._transport.call(blueprints.PREVIEW, {}, params)

    def from_id(self, blueprint_id: str) -> AsyncBlueprint:
        """Return the handle of a blueprint. Nothing is asked of the service, so it may not exist."""
        return AsyncBlueprint(self._transport, blueprint_id)

    def list(self, **params: Unpack[SDKBlueprintListParams]) -> AsyncItems[AsyncBlueprint]:
        """Return the blueprints, newest first; further pages are fetched on the way.

        :param params: `name` for those of one name, `limit` for at most so many.
        """

        return self._listed(blueprints.LIST, params)

    def list_public(self, **params: Unpack[SDKBlueprintListParams]) -> AsyncItems[AsyncBlueprint]:
        """Return the blueprints that everybody may use; as `list`."""
        return self._listed(blueprints.LIST_PUBLIC, params)

    def _listed(
        self, endpoint: Endpoint[BlueprintListView], params: Mapping[str, Any]
    ) -> AsyncItems[AsyncBlueprint]:
        return async_listed(
            self._transport,
            endpoint,
            {},
            params,
            lambda view: [AsyncBlueprint(self._transport, item.id) for item in view.blueprints or []],
        )
