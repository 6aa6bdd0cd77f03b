# Generated from ../_async/scenarios.py by scripts/unasync.py: change that file, and run the script.
"""Making and finding scenarios, and finding their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...contract.endpoints import metadata, scenarios
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import Items
from .listing import listed
from .metadata import Metadata
from .scenario import Scenario
from .scenario_run import ScenarioRun
from .transport import Transport

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


class ScenarioOps:
    """Makes and finds scenarios; `runloop.scenario`.

    `metadata` tells which metadata they have.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.metadata = Metadata(transport, metadata.OF_SCENARIOS, metadata.OF_SCENARIOS_VALUES)

    def create(self, **params: Unpack[SDKScenarioCreateParams]) -> Scenario:
        """Keep a new scenario.

        :param params: `name`, `input_context` (the task), `scoring_contract` (what scores it), and if wanted
            `environment_parameters` of its devboxes, and what its runs require.
        :raises BadRequestError: if it could not be scored: the weights of its functions must sum to 1.
        """
        view = self._transport.call(scenarios.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/scenarios"))
        return Scenario(self._transport, view.id)

    def from_id(self, scenario_id: str) -> Scenario:
        """Return the handle of a scenario. Nothing is asked of the service, so it may not exist."""
        return Scenario(self._transport, scenario_id)

    def list(self, **params: Unpack[SDKScenarioListParams]) -> Items[Scenario]:
        """Return the scenarios, newest first; further pages are fetched on the way.

        :param params: `name`, `search` (the id or a part of the name), `benchmark_id` and `validation_type`
            for those that fit, `limit` for at most so many.
        """
        return self._listed(scenarios.LIST, params)

    def list_public(self, **params: Unpack[SDKScenarioListPublicParams]) -> Items[Scenario]:
        """Return the scenarios that everybody may run; as `list`."""
        return self._listed(scenarios.LIST_PUBLIC, params)

    def list_runs(self, **params: Unpack[SDKScenarioRunListParams]) -> Items[ScenarioRun]:
        """Return the runs of all scenarios, newest first; further pages are fetched on the way.

        :param params: `state`, `scenario_id`, `benchmark_run_id`, `name` and `search` for those that fit,
            `limit` for at most so many.
        """
        return listed(
            self._transport,
            scenarios.LIST_RUNS,
            {},
            params,
            lambda view: [ScenarioRun(self._transport, item.id, item.devbox_id) for item in view.runs or []],
        )

    def get_run(self, run_id: str, **options: Unpack[BaseRequestOptions]) -> ScenarioRun:
        """Return the handle of a run. The service is asked for its devbox.

        :raises NotFoundError: if there is none.
        """
        view = self._transport.call(scenarios.RETRIEVE_RUN, {"id": run_id}, options)
        return ScenarioRun(self._transport, run_id, view.devbox_id)

    def _listed(
        self, endpoint: Endpoint[ScenarioDefinitionListView], params: Mapping[str, Any]
    ) -> Items[Scenario]:
        return listed(
            self._transport,
            endpoint,
            {},
            params,
            lambda view: [Scenario(self._transport, item.id) for item in view.scenarios or []],
        )
