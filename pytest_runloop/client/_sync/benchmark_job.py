# Generated from ../_async/benchmark_job.py by scripts/unasync.py: change that file, and run the script.
"""One benchmark job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...contract.endpoints import benchmark_jobs
from ..concurrency import sleep
from ..errors import PollingTimeout, hide_from_traceback
from ..polling import Budget
from ..requests import options_of
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.options import BaseRequestOptions, PollingRequestOptions
    from ...contract.views.benchmark_jobs import BenchmarkJobView

__tracebackhide__ = hide_from_traceback

_UNDER_WAY: Final = ("initializing", "queued", "running")


class BenchmarkJob:
    """Agents that work on scenarios, on the service's side.

    :param transport: the client's.
    :param job_id: its id.
    """

    def __init__(self, transport: Transport, job_id: str) -> None:
        self._transport = transport
        self._id = job_id

    @property
    def id(self) -> str:
        """The job's id."""
        return self._id

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> BenchmarkJobView:
        """Return what the service says about it: how far it is, and what came of each agent."""
        return self._transport.call(benchmark_jobs.RETRIEVE, {"id": self._id}, options)

    def await_ended(self, **options: Unpack[PollingRequestOptions]) -> BenchmarkJobView:
        """Wait until it is over, and return what came of it; `state` says whether it went well.

        :param options: `polling_config` says how long and how often to look; 120 s by default.
        :raises PollingTimeout: if it takes longer.
        """
        budget = Budget(options.get("polling_config"))
        looking: Any = options_of(options, "extra_headers", "extra_query", "timeout")
        while True:
            view = self.get_info(**looking)
            if view.state not in _UNDER_WAY:
                return view
            pause = budget.pause_between_looks()
            if pause is None:
                raise PollingTimeout(
                    f"Benchmark job {self._id} is {view.state} after {budget.spent:.0f} s.", view
                )
            sleep(pause)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
