"""One benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...contract.endpoints import benchmarks
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import AsyncItems
from .benchmark_run import AsyncBenchmarkRun
from .listing import async_listed
from .scenario import AsyncScenario
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import (
        SDKBenchmarkDefinitionsParams,
        SDKBenchmarkListRunsParams,
        SDKBenchmarkStartRunParams,
        SDKBenchmarkUpdateParams,
    )
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.benchmarks import BenchmarkView

__tracebackhide__ = hide_from_traceback


class AsyncBenchmark:
    """Scenarios under a name.

    :param transport: the client's.
    :param benchmark_id: its id.
    """

    def __init__(self, transport: AsyncTransport, benchmark_id: str) -> None:
        self._transport = transport
        self._id = benchmark_id
        self._path = {"id": benchmark_id}

    @property
    def id(self) -> str:
        """The benchmark's id."""
        return self._id

    async def get_info(self, **options: Unpack[BaseRequestOptions]) -> BenchmarkView:
        """Return what the service says about it."""
        return await self._transport.call(benchmarks.RETRIEVE, self._path, options)

    async def update(self, **params: Unpack[SDKBenchmarkUpdateParams]) -> BenchmarkView:
        """Change what is given, and keep the rest."""
        return await self._transport.call(benchmarks.UPDATE, self._path, params)

    async def add_scenarios(
        self, scenario_ids: Sequence[str], **options: Unpack[LongRequestOptions]
    ) -> BenchmarkView:
        """Put scenarios into it."""
        params = {"scenarios_to_add": list(scenario_ids), **options}
        return await self._transport.call(benchmarks.UPDATE_SCENARIOS, self._path, params)

    async def remove_scenarios(
        self, scenario_ids: Sequence[str], **options: Unpack[LongRequestOptions]
    ) -> BenchmarkView:
        """Take scenarios out of it."""
        params = {"scenarios_to_remove": list(scenario_ids), **options}
        return await self._transport.call(benchmarks.UPDATE_SCENARIOS, self._path, params)

    async def archive(self, **options: Unpack[LongRequestOptions]) -> BenchmarkView:
        """Take it out of the lists. It can still be found by its id, and not be run."""
        return await self._transport.call(benchmarks.ARCHIVE, self._path, options)

    async def unarchive(self, **options: Unpack[LongRequestOptions]) -> BenchmarkView:
        """Put it into the lists again."""
        return await self._transport.call(benchmarks.UNARCHIVE, self._path, options)

    def definitions(self, **params: Unpack[SDKBenchmarkDefinitionsParams]) -> AsyncItems[AsyncScenario]:
        """Return its scenarios, in its order; further pages are fetched on the way.

        :param params: `limit` for at most so many.
        """
        return async_listed(
            self._transport,
            benchmarks.DEFINITIONS,
            self._path,
            params,
            lambda view: [AsyncScenario(self._transport, item.id) for item in view.scenarios or []],
        )

    async def start_run(self, **params: Unpack[SDKBenchmarkStartRunParams]) -> AsyncBenchmarkRun:
        """Begin a run. Its scenarios are begun one by one: `scenario.run(benchmark_run_id=run.id)`.

        :param params: `run_name`, `metadata`, and `run_profile` for the devboxes of all its scenarios.
        :raises BadRequestError: if something that the benchmark requires is missing.
        """
        view = await self._transport.call(benchmarks.START_RUN, {}, {"benchmark_id": self._id, **params})
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/benchmarks/start_run"))
        return AsyncBenchmarkRun(self._transport, view.id, view.benchmark_id)

    def list_runs(self, **params: Unpack[SDKBenchmarkListRunsParams]) -> AsyncItems[AsyncBenchmarkRun]:
        """Return its runs, newest first; further pages are fetched on the way.

        :param params: `limit` for at most so many.
        """
        return async_listed(
            self._transport,
            benchmarks.LIST_RUNS,
            {},
            {**params, "benchmark_id": self._id},
            lambda view: [
                AsyncBenchmarkRun(self._transport, item.id, item.benchmark_id) for item in view.runs or []
            ],
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
