"""One scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...contract.endpoints import scenarios
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import AsyncItems
from ..requests import options_of
from .listing import async_listed
from .scenario_run import AsyncScenarioRun
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import (
        SDKScenarioRunAsyncParams,
        SDKScenarioRunParams,
        SDKScenarioRunsParams,
        SDKScenarioUpdateParams,
    )
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.scenarios import ScenarioView

__tracebackhide__ = hide_from_traceback


class AsyncScenario:
    """A task, the devbox to do it in, and what scores it.

    :param transport: the client's.
    :param scenario_id: its id.
    """

    def __init__(self, transport: AsyncTransport, scenario_id: str) -> None:
        self._transport = transport
        self._id = scenario_id
        self._path = {"id": scenario_id}

    @property
    def id(self) -> str:
        """The scenario's id."""
        return self._id

    async def get_info(self, **options: Unpack[BaseRequestOptions]) -> ScenarioView:
        """Return what the service says about it."""
        return await self._transport.call(scenarios.RETRIEVE, self._path, options)

    async def update(self, **params: Unpack[SDKScenarioUpdateParams]) -> ScenarioView:
        """Change what is given, and keep the rest."""
        return await self._transport.call(scenarios.UPDATE, self._path, params)

    async def archive(self, **options: Unpack[LongRequestOptions]) -> ScenarioView:
        """Take it out of the lists. It can still be found by its id."""
        return await self._transport.call(scenarios.ARCHIVE, self._path, options)

    async def unarchive(self, **options: Unpack[LongRequestOptions]) -> ScenarioView:
        """Put it into the lists again."""
        return await self._transport.call(scenarios.UNARCHIVE, self._path, options)

    async def run_async(self, **params: Unpack[SDKScenarioRunAsyncParams]) -> AsyncScenarioRun:
        """Begin a run, whose devbox may still boot: `await_env_ready` waits for it.

        :param params: `run_name`, `run_profile`, `metadata`, `benchmark_run_id`.
        :raises BadRequestError: if something that the scenario requires is missing.
        """
        view = await self._transport.call(scenarios.START_RUN, {}, {"scenario_id": self._id, **params})
        if not view.id or not view.devbox_id:
            raise without("id of a run and its devbox", RequestInfo("POST", "/v1/scenarios/start_run"))
        return AsyncScenarioRun(self._transport, view.id, view.devbox_id)

    async def run(self, **params: Unpack[SDKScenarioRunParams]) -> AsyncScenarioRun:
        """Begin a run, and wait until its devbox runs; as `run_async` and `await_env_ready`."""
        beginning: Any = {name: value for name, value in params.items() if name != "polling_config"}
        run = await self.run_async(**beginning)
        waiting: Any = options_of(params, "polling_config", "extra_headers", "extra_query")
        await run.devbox.await_running(**waiting)
        return run

    def list_runs(self, **params: Unpack[SDKScenarioRunsParams]) -> AsyncItems[AsyncScenarioRun]:
        """Return its runs, newest first; further pages are fetched on the way.

        :param params: `limit` for at most so many.
        """
        return async_listed(
            self._transport,
            scenarios.LIST_RUNS,
            {},
            {**params, "scenario_id": self._id},
            lambda view: [
                AsyncScenarioRun(self._transport, item.id, item.devbox_id) for item in view.runs or []
            ],
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
