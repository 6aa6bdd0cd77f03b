"""Benchmark jobs: how Runloop starts their agents is nowhere said, and so a backend of one's own has none."""

from __future__ import annotations

from ...contract.endpoints import benchmark_jobs as endpoints
from ...contract.views.benchmark_jobs import BenchmarkJobListView, BenchmarkJobView
from ..backend import Backend
from ..calls import Call
from ..errors import not_found, not_supported
from ..pages import paged
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.CREATE)
async def create(backend: Backend, call: Call) -> BenchmarkJobView:
    """Refuse a job, and say what goes instead."""
    raise not_supported(
        "run benchmark jobs: start a run of the benchmark, mount the agent with its `runProfile`,"
        " and start a run of each scenario"
    )


@HANDLES(endpoints.LIST)
async def list_jobs(backend: Backend, call: Call) -> BenchmarkJobListView:
    """List no jobs."""
    page = paged(list[BenchmarkJobView](), call.params)
    return BenchmarkJobListView(jobs=page.items, **page.counts)


@HANDLES(endpoints.RETRIEVE)
async def retrieve(backend: Backend, call: Call) -> BenchmarkJobView:
    """Know no job."""
    raise not_found("benchmark job", call.id)
