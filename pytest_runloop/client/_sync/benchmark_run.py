# Generated from ../_async/benchmark_run.py by scripts/unasync.py: change that file, and run the script.
"""One run of a benchmark."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ...contract.endpoints import benchmarks
from ..concurrency import in_thread
from ..errors import hide_from_traceback
from ..pages import Items
from .listing import listed
from .scenario_run import ScenarioRun
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKBenchmarkRunListScenarioRunsParams
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.benchmarks import BenchmarkRunView

__tracebackhide__ = hide_from_traceback


class BenchmarkRun:
    """A run of a benchmark: begin its scenarios with `scenario.run(benchmark_run_id=run.id)`.

    :param transport: the client's.
    :param run_id: its id.
    :param benchmark_id: the id of its benchmark; `None` if it has none.
    """

    def __init__(self, transport: Transport, run_id: str, benchmark_id: str | None) -> None:
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

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> BenchmarkRunView:
        """Return what the service says about it."""
        return self._transport.call(benchmarks.RETRIEVE_RUN, self._path, options)

    def cancel(self, **options: Unpack[LongRequestOptions]) -> BenchmarkRunView:
        """Break it off, and the runs of its scenarios that are not over."""
        return self._transport.call(benchmarks.CANCEL_RUN, self._path, options)

    def complete(self, **options: Unpack[LongRequestOptions]) -> BenchmarkRunView:
        """End it. Its score is the mean of its scenarios' scores."""
        return self._transport.call(benchmarks.COMPLETE_RUN, self._path, options)

    def list_scenario_runs(
        self, **params: Unpack[SDKBenchmarkRunListScenarioRunsParams]
    ) -> Items[ScenarioRun]:
        """Return the runs of its scenarios, newest first; further pages are fetched on the way.

        :param params: `state` and `search` for those that fit, `limit` for at most so many.
        """
        return listed(
            self._transport,
            benchmarks.LIST_SCENARIO_RUNS,
            self._path,
            params,
            lambda view: [ScenarioRun(self._transport, item.id, item.devbox_id) for item in view.runs or []],
        )

    def download_logs(self, file: str | os.PathLike[str], **options: Unpack[LongRequestOptions]) -> None:
        """Write the logs of its scenarios' runs into a zip file of this machine.

        :param file: the file.
        :raises OSError: if it cannot be written.
        """
        content = self._transport.call(benchmarks.DOWNLOAD_RUN_LOGS, self._path, options)
        in_thread(Path(file).write_bytes, content)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
