# Generated from ../_async/benchmark.py by scripts/unasync.py: change that file, and run the script.
"""One benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...contract.endpoints import benchmarks
from ..answers import without
from ..errors import RequestInfo, hide_from_traceback
from ..pages import Items
from .benchmark_run import BenchmarkRun
from .listing import listed
from .scenario import Scenario
from .transport import Transport

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


class Benchmark:
    """Scenarios under a name.

    :param transport: the client's.
    :param benchmark_id: its id.
    """

    def __init__(self, transport: Transport, benchmark_id: str) -> None:
        self._transport = transport
        self._id = benchmark_id
        self._path = {"id": benchmark_id}

    @property
    def id(self) -> str:
        """The benchmark's id."""
        return self._id

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> BenchmarkView:
        """Return what the service says about it."""
        return self._transport.call(benchmarks.RETRIEVE, self._path, options)

    def update(self, **params: Unpack[SDKBenchmarkUpdateParams]) -> BenchmarkView:
        """Change what is given, and keep the rest."""
        return self._transport.call(benchmarks.UPDATE, self._path, params)

    def add_scenarios(
        self, scenario_ids: Sequence[str], **options: Unpack[LongRequestOptions]
    ) -> BenchmarkView:
        """Put scenarios into it."""
        params = {"scenarios_to_add": list(scenario_ids), **options}
        return self._transport.call(benchmarks.UPDATE_SCENARIOS, self._path, params)

    def remove_scenarios(
        self, scenario_ids: Sequence[str], **options: Unpack[LongRequestOptions]
    ) -> BenchmarkView:
        """Take scenarios out of it."""
        params = {"scenarios_to_remove": list(scenario_ids), **options}
        return self._transport.call(benchmarks.UPDATE_SCENARIOS, self._path, params)

    def archive(self, **options: Unpack[LongRequestOptions]) -> BenchmarkView:
        """Take it out of the lists. It can still be found by its id, and not be run."""
        return self._transport.call(benchmarks.ARCHIVE, self._path, options)

    def unarchive(self, **options: Unpack[LongRequestOptions]) -> BenchmarkView:
        """Put it into the lists again."""
        return self._transport.call(benchmarks.UNARCHIVE, self._path, options)

    def definitions(self, **params: Unpack[SDKBenchmarkDefinitionsParams]) -> Items[Scenario]:
        """Return its scenarios, in its order; further pages are fetched on the way.

        :param params: `limit` for at most so many.
        """
        return listed(
            self._transport,
            benchmarks.DEFINITIONS,
            self._path,
            params,
            lambda view: [Scenario(self._transport, item.id) for item in view.scenarios or []],
        )

    def start_run(self, **params: Unpack[SDKBenchmarkStartRunParams]) -> BenchmarkRun:
        """Begin a run. Its scenarios are begun one by one: `scenario.run(benchmark_run_id=run.id)`.

        :param params: `run_name`, `metadata`, and `run_profile` for the devboxes of all its scenarios.
        :raises BadRequestError: if something that the benchmark requires is missing.
        """
        view = self._transport.call(benchmarks.START_RUN, {}, {"benchmark_id": self._id, **params})
        if not view.id:
            raise without("id", RequestInfo("POST", "/v1/benchmarks/start_run"))
        return BenchmarkRun(self._transport, view.id, view.benchmark_id)

    def list_runs(self, **params: Unpack[SDKBenchmarkListRunsParams]) -> Items[BenchmarkRun]:
        """Return its runs, newest first; further pages are fetched on the way.

        :param params: `limit` for at most so many.
        """
        return listed(
            self._transport,
            benchmarks.LIST_RUNS,
            {},
            {**params, "benchmark_id": self._id},
            lambda view: [
                BenchmarkRun(self._transport, item.id, item.benchmark_id) for item in view.runs or []
            ],
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
