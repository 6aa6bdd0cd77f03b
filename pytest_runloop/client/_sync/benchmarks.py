# Generated from ../_async/benchmarks.py by scripts/unasync.py: change that file, and run the script.
"""Making and finding benchmarks, and finding their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...contract.endpoints import benchmark_jobs, benchmarks, metadata
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import Items
from .benchmark import Benchmark
from .benchmark_job import BenchmarkJob
from .benchmark_run import BenchmarkRun
from .listing import listed
from .metadata import Metadata
from .transport import Transport

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


class BenchmarkOps:
    """Makes and finds benchmarks; `runloop.benchmark`.

    `metadata` tells which metadata they have.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.metadata = Metadata(transport, metadata.OF_BENCHMARKS, metadata.OF_BENCHMARKS_VALUES)

    def create(self, **params: Unpack[SDKBenchmarkCreateParams]) -> Benchmark:
        """Keep a new benchmark.

        :param params: `name`, and if wanted `scenario_ids`, `description`, and what its runs require.
        :raises BadRequestError: if there is one of this name, or no such scenario.
        """
        view = self._transport.call(benchmarks.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/benchmarks"))
        return Benchmark(self._transport, view.id)

    def from_id(self, benchmark_id: str) -> Benchmark:
        """Return the handle of a benchmark. Nothing is asked of the service, so it may not exist."""
        return Benchmark(self._transport, benchmark_id)

    def list(self, **params: Unpack[SDKBenchmarkListParams]) -> Items[Benchmark]:
        """Return the benchmarks, newest first; further pages are fetched on the way.

        :param params: `name` and `search` (the id or a part of the name) for those that fit, `limit` for at
            most so many.
        """
        return self._listed(benchmarks.LIST, params)

    def list_public(self, **params: Unpack[SDKBenchmarkListPublicParams]) -> Items[Benchmark]:
        """Return the benchmarks that everybody may run; as `list`."""
        return self._listed(benchmarks.LIST_PUBLIC, params)

    def list_runs(self, **params: Unpack[SDKBenchmarkRunListParams]) -> Items[BenchmarkRun]:
        """Return the runs of all benchmarks, newest first; further pages are fetched on the way.

        :param params: `state`, `benchmark_id`, `name` and `search` for those that fit, `limit` for at most
            so many.
        """
        return listed(
            self._transport,
            benchmarks.LIST_RUNS,
            {},
            params,
            lambda view: [
                BenchmarkRun(self._transport, item.id, item.benchmark_id) for item in view.runs or []
            ],
        )

    def get_run(self, run_id: str, **options: Unpack[BaseRequestOptions]) -> BenchmarkRun:
        """Return the handle of a run. The service is asked for its benchmark.

        :raises NotFoundError: if there is none.
        """
        view = self._transport.call(benchmarks.RETRIEVE_RUN, {"id": run_id}, options)
        return BenchmarkRun(self._transport, run_id, view.benchmark_id)

    def create_job(self, **params: Unpack[SDKBenchmarkJobCreateParams]) -> BenchmarkJob:
        """Begin a job: agents work on scenarios and are scored, all of it on the service's side.

        :param params: `spec` says which agents and scenarios. The local backend runs no jobs.
        """
        view = self._transport.call(benchmark_jobs.CREATE, {}, params)
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/benchmark_jobs"))
        return BenchmarkJob(self._transport, view.id)

    def job_from_id(self, job_id: str) -> BenchmarkJob:
        """Return the handle of a job. Nothing is asked of the service, so it may not exist."""
        return BenchmarkJob(self._transport, job_id)

    def list_jobs(self, **params: Unpack[SDKBenchmarkJobListParams]) -> Items[BenchmarkJob]:
        """Return the jobs, newest first; further pages are fetched on the way.

        :param params: `name` for those that fit, `limit` for at most so many.
        """
        return listed(
            self._transport,
            benchmark_jobs.LIST,
            {},
            params,
            lambda view: [BenchmarkJob(self._transport, item.id) for item in view.jobs or []],
        )

    def _listed(self, endpoint: Endpoint[BenchmarkListView], params: Mapping[str, Any]) -> Items[Benchmark]:
        return listed(
            self._transport,
            endpoint,
            {},
            params,
            lambda view: [Benchmark(self._transport, item.id) for item in view.benchmarks or []],
        )
