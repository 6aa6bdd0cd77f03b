"""How long a build takes that has nothing to do."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from pytest_runloop import PollingConfig, Runloop
from pytest_runloop.contract.params.blueprints import BuildContext

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
_WHAT = "a 10-line Dockerfile with everything cached"
FILES = 100
_QUICK = PollingConfig(interval_seconds=0.002, max_attempts=30_000)


def measure() -> list[Figure]:
    """Build a Dockerfile, and then again with all layers there: from the call to the end of the wait."""
    with backend() as server, server.client() as runloop:
        first = _build_ms(runloop)
        again = [_build_ms(runloop) for _ in range(ROUNDS)]
    detail = f"median of {ROUNDS}; the first time {first:.0f} ms"
    return [Figure(f"build of {_WHAT}", statistics.median(again), "ms", 50, detail), _with_context()]


def _with_context() -> Figure:
    """The same with a build context of a hundred files, of which it copies all."""
    with tempfile.TemporaryDirectory() as place, backend() as server, server.client() as runloop:
        for number in range(FILES):
            (Path(place) / f"{number}.txt").write_text(f"{number}\n" * 1000)
        files = runloop.storage_object.upload_from_dir(place).as_build_context()
        dockerfile = DOCKERFILE.replace("RUN cat conf\n", "COPY . all\n")
        first = _build_ms(runloop, dockerfile, files)
        again = [_build_ms(runloop, dockerfile, files) for _ in range(ROUNDS)]
    detail = f"median of {ROUNDS}; the first time {first:.0f} ms"
    what = f"the same with a build context of {FILES} files"
    return Figure(what, statistics.median(again), "ms", 50, detail)


def _build_ms(
    runloop: Runloop, dockerfile: str = DOCKERFILE, build_context: BuildContext | None = None
) -> float:
    started = time.perf_counter()
    runloop.blueprint.create(
        name="bench", dockerfile=dockerfile, build_context=build_context, polling_config=_QUICK
    )
    return (time.perf_counter() - started) * 1000
