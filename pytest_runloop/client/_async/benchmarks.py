"""Making and finding benchmarks, and finding their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...contract.endpoints import benchmark_jobs, benchmarks, metadata
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import AsyncItems
from .benchmark import AsyncBenchmark
from .benchmark_job import AsyncBenchmarkJob
from .benchmark_run import AsyncBenchmarkRun
from .listing import async_listed
from .metadata import AsyncMetadata
from .transport import AsyncTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from ...contract.endpoint import Endpoint
    from ...contract.params.calls import (
        SDKBenchmarkCreateParams,
        SDKBenchmarkJobCreateParams,
        SDKBenchmarkJobListParams,
        SDKBenchmarkListParams,
        SDKBenchmarkListPublicParams,
        SDKBenchmarkRunListParams,
    )
    from ...contract.params.options import BaseRequestOptions
    from ...contract.views.benchmarks import BenchmarkListView

__tracebackhide__ = hide_from_traceback


class AsyncBenchmarkOps:
    """Makes and finds benchmarks; `runloop.benchmark`.

    `metadata` tells which metadata they have.

    :param transport: the client's.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self.metadata = AsyncMetadata(transport, metadata.OF_BENCHMARKS, metadata.OF_BENCHMARKS_VALUES)

    async def create(self, **params: Unpack[SDKBenchmarkCreateParams]) -> AsyncBenchmark:
        """Keep a new benchmark.

        :param params: `name`, and if wanted `scenario_ids`, `description`, and what its runs require.
        :raises BadRequestError: if there is one of this name, or no such scenario.
        """
        view = await self._transport.call(benchmarks.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/benchmarks"))
        return AsyncBenchmark(self._transport, view.id)

    def from_id(self, benchmark_id: str) -> AsyncBenchmark:
        """Return the handle of a benchmark. Nothing is asked of the service, so it may not exist."""
        return AsyncBenchmark(self._transport, benchmark_id)

    def list(self, **params: Unpack[SDKBenchmarkListParams]) -> AsyncItems[AsyncBenchmark]:
        """Return the benchmarks, newest first; further pages are fetched on the way.

        :param params: `name` and `search` (the id or a part of the name) for those that fit, `limit` for at
            most so many.
        """
        return self._listed(benchmarks.LIST, params)

    def list_public(self, **params: Unpack[SDKBenchmarkListPublicParams]) -> AsyncItems[AsyncBenchmark]:
        """Return the benchmarks that everybody may run; as `list`."""
        return self._listed(benchmarks.LIST_PUBLIC, params)

    def list_runs(self, **params: Unpack[SDKBenchmarkRunListParams]) -> AsyncItems[AsyncBenchmarkRun]:
        """Return the runs of all benchmarks, newest first; further pages are fetched on the way.

        :param params: `state`, `benchmark_id`, `name` and `search` for those that fit, `limit` for at most
            so many.
        """
        return async_listed(
            self._transport,
            benchmarks.LIST_RUNS,
            {},
            params,
            lambda view: [
                AsyncBenchmarkRun(self._transport, item.id, item.benchmark_id) for item in view.runs or []
            ],
        )

    async def get_run(self, run_id: str, **options: Unpack[BaseRequestOptions]) -> AsyncBenchmarkRun:
        """Return the handle of a run. The service is asked for its benchmark.

        :raises NotFoundError: if there is none.
        """
        view = await self._transport.call(benchmarks.RETRIEVE_RUN, {"id": run_id}, options)
        return AsyncBenchmarkRun(self._transport, run_id, view.benchmark_id)

    async def create_job(self, **params: Unpack[SDKBenchmarkJobCreateParams]) -> AsyncBenchmarkJob:
        """Begin a job: agents work on scenarios and are scored, all of it on the service's side.

        :param params: `spec` says which agents and scenarios. The local backend runs no jobs.
        """
        view = await self._transport.call(benchmark_jobs.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/benchmark_jobs"))
        return AsyncBenchmarkJob(self._transport, view.id)

    def job_from_id(self, job_id: str) -> AsyncBenchmarkJob:
        """Return the handle of a job. Nothing is asked of the service, so it may not exist."""
        return AsyncBenchmarkJob(self._transport, job_id)

    def list_jobs(self, **params: Unpack[SDKBenchmarkJobListParams]) -> AsyncItems[AsyncBenchmarkJob]:
        """Return the jobs, newest first; further pages are fetched on the way.

        :param params: `name` for those that fit, `limit` for at most so many.
        """
        return async_listed(
            self._transport,
            benchmark_jobs.LIST,
            {},
            params,
            lambda view: [AsyncBenchmarkJob(self._transport, item.id) for item in view.jobs or []],
        )

    def _listed(
        self, endpoint: Endpoint[BenchmarkListView], params: Mapping[str, Any]
    ) -> AsyncItems[AsyncBenchmark]:
        return async_listed(
            self._transport,
            endpoint,
            {},
            params,
            lambda view: [AsyncBenchmark(self._transport, item.id) for item in view.benchmarks or []],
        )
