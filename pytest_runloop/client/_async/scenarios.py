"""Making and finding scenarios, and finding their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...contract.endpoints import metadata, scenarios
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import AsyncItems
from .listing import async_listed
from .metadata import AsyncMetadata
from .scenario import AsyncScenario
from .scenario_run import AsyncScenarioRun
from .transport import AsyncTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from ...contract.endpoint import Endpoint
    from ...contract.params.calls import (
        SDKScenarioCreateParams,
        SDKScenarioListParams,
        SDKScenarioListPublicParams,
        SDKScenarioRunListParams,
    )
    from ...contract.params.options import BaseRequestOptions
    from ...contract.views.scenarios import ScenarioDefinitionListView

__tracebackhide__ = hide_from_traceback


class AsyncScenarioOps:
    """Makes and finds scenarios; `runloop.scenario`.

    `metadata` tells which metadata they have.

    :param transport: the client's.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self.metadata = AsyncMetadata(transport, metadata.OF_SCENARIOS, metadata.OF_SCENARIOS_VALUES)

    async def create(self, **params: Unpack[SDKScenarioCreateParams]) -> AsyncScenario:
        """Keep a new scenario.

        :param params: `name`, `input_context` (the task), `scoring_contract` (what scores it), and if wanted
            `environment_parameters` of its devboxes, and what its runs require.
        :raises BadRequestError: if it could not be scored: the weights of its functions must sum to 1.
        """
        view = await self._transport.call(scenarios.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/scenarios"))
        return AsyncScenario(self._transport, view.id)

    def from_id(self, scenario_id: str) -> AsyncScenario:
        """Return the handle of a scenario. Nothing is asked of the service, so it may not exist."""
        return AsyncScenario(self._transport, scenario_id)

    def list(self, **params: Unpack[SDKScenarioListParams]) -> AsyncItems[AsyncScenario]:
        """Return the scenarios, newest first; further pages are fetched on the way.

        :param params: `name`, `search` (the id or a part of the name), `benchmark_id` and `validation_type`
            for those that fit, `limit` for at most so many.
        """
        return self._listed(scenarios.LIST, params)

    def list_public(self, **params: Unpack[SDKScenarioListPublicParams]) -> AsyncItems[AsyncScenario]:
        """Return the scenarios that everybody may run; as `list`."""
        return self._listed(scenarios.LIST_PUBLIC, params)

    def list_runs(self, **params: Unpack[SDKScenarioRunListParams]) -> AsyncItems[AsyncScenarioRun]:
        """Return the runs of all scenarios, newest first; further pages are fetched on the way.

        :param params: `state`, `scenario_id`, `benchmark_run_id`, `name` and `search` for those that fit,
            `limit` for at most so many.
        """
        return async_listed(
            self._transport,
            scenarios.LIST_RUNS,
            {},
            params,
            lambda view: [
                AsyncScenarioRun(self._transport, item.id, item.devbox_id) for item in view.runs or []
            ],
        )

    async def get_run(self, run_id: str, **options: Unpack[BaseRequestOptions]) -> AsyncScenarioRun:
        """Return the handle of a run. The service is asked for its devbox.

        :raises NotFoundError: if there is none.
        """
        view = await self._transport.call(scenarios.RETRIEVE_RUN, {"id": run_id}, options)
        return AsyncScenarioRun(self._transport, run_id, view.devbox_id)

    def _listed(
        self, endpoint: Endpoint[ScenarioDefinitionListView], params: Mapping[str, Any]
    ) -> AsyncItems[AsyncScenario]:
        return async_listed(
            self._transport,
            endpoint,
            {},
            params,
            lambda view: [AsyncScenario(self._transport, item.id) for item in view.scenarios or []],
        )
