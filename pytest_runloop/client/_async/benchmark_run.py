"""One run of a benchmark."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ...contract.endpoints import benchmarks
from ..concurrency import async_in_thread
from ..errors import hide_from_traceback
from ..pages import AsyncItems
from .listing import async_listed
from .scenario_run import AsyncScenarioRun
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKBenchmarkRunListScenarioRunsParams
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.benchmarks import BenchmarkRunView

__tracebackhide__ = hide_from_traceback


class AsyncBenchmarkRun:
    """A run of a benchmark: begin its scenarios with `scenario.run(benchmark_run_id=run.id)`.

    :param transport: the client's.
    :param run_id: its id.
    :param benchmark_id: the id of its benchmark; `None` if it has none.
    """

    def __init__(self, transport: AsyncTransport, run_id: str, benchmark_id: str | None) -> None:
        self._transport = transport
        self._id = run_id
        self._benchmark_id = benchmark_id
        self._path = {"id": run_id}

    @property
    def id(self) -> str:
        """The run's id."""
        return self._id

    @property
    def benchmark_id(self) -> str | None:
        """The id of its benchmark; `None` if it has none."""
        return self._benchmark_id

    async def get_info(self, **options: Unpack[BaseRequestOptions]) -> BenchmarkRunView:
        """Return what the service says about it."""
        return await self._transport.call(benchmarks.RETRIEVE_RUN, self._path, options)

    async def cancel(self, **options: Unpack[LongRequestOptions]) -> BenchmarkRunView:
        """Break it off, and the runs of its scenarios that are not over."""
        return await self._transport.call(benchmarks.CANCEL_RUN, self._path, options)

    async def complete(self, **options: Unpack[LongRequestOptions]) -> BenchmarkRunView:
        """End it. Its score is the mean of its scenarios' scores."""
        return await self._transport.call(benchmarks.COMPLETE_RUN, self._path, options)

    def list_scenario_runs(
        self, **params: Unpack[SDKBenchmarkRunListScenarioRunsParams]
    ) -> AsyncItems[AsyncScenarioRun]:
        """Return the runs of its scenarios, newest first; further pages are fetched on the way.

        :param params: `state` and `search` for those that fit, `limit` for at most so many.
        """
        return async_listed(
            self._transport,
            benchmarks.LIST_SCENARIO_RUNS,
            self._path,
            params,
            lambda view: [
                AsyncScenarioRun(self._transport, item.id, item.devbox_id) for item in view.runs or []
            ],
        )

    async def download_logs(
        self, file: str | os.PathLike[str], **options: Unpack[LongRequestOptions]
    ) -> None:
        """Write the logs of its scenarios' runs into a zip file of this machine.

        :param file: the file.
        :raises OSError: if it cannot be written.
        """
        content = await self._transport.call(benchmarks.DOWNLOAD_RUN_LOGS, self._path, options)
        await async_in_thread(Path(file).write_bytes, content)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
