"""How long a build takes that has nothing to do."""

from __future__ import annotations

import statistics
import time

from pytest_runloop import PollingConfig, Runloop

from .figures import Figure
from .local import backend

ROUNDS = 30
DOCKERFILE = """\
FROM debian:12
ARG VERSION=1
ENV LEVEL=$VERSION
WORKDIR /srv/app
RUN echo one > one
RUN echo two > two
RUN cat one two > three
COPY <<EOF conf
level=$LEVEL
EOF
RUN cat conf
"""
_QUICK = PollingConfig(interval_seconds=0.002, max_attempts=30_000)


def measure() -> list[Figure]:
    """Build a Dockerfile, and then again with all layers there: from the call to the end of the wait."""
    with backend() as server, server.client() as runloop:
        first = _build_ms(runloop)
        again = [_build_ms(runloop) for _ in range(ROUNDS)]
    detail = f"median of {ROUNDS}; the first time {first:.0f} ms"
    what = "build of a 10-line Dockerfile with everything cached"
    return [Figure(what, statistics.median(again), "ms", 50, detail)]


def _build_ms(runloop: Runloop) -> float:
    started = time.perf_counter()
    runloop.blueprint.create(name="bench", dockerfile=DOCKERFILE, polling_config=_QUICK)
    return (time.perf_counter() - started) * 1000
