"""Benchmark jobs: agents that work on scenarios on the service's side (service of 2026, until October)."""

from __future__ import annotations

from ..endpoint import Json, Page, get, post
from ..params import benchmark_jobs as params
from ..views.benchmark_jobs import BenchmarkJobListView, BenchmarkJobView

_JOB = Json(view=BenchmarkJobView)

CREATE = post("/v1/benchmark_jobs", _JOB, params.BenchmarkJobCreateParams)
LIST = get("/v1/benchmark_jobs", Page(view=BenchmarkJobListView, items="jobs"), params.BenchmarkJobListParams)
RETRIEVE = get("/v1/benchmark_jobs/{id}", _JOB)
