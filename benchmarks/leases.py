"""What it costs to hand a pooled devbox on: the pool's own time, and a reset beside a boot."""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path

from pytest_runloop import Runloop
from pytest_runloop.contract.endpoints import local_only
from pytest_runloop.session.pool.pool import Pool

from .figures import Figure, interleaved
from .local import backend

PROCESSES = 8
LEASES = 10_000
TEST_SECONDS = 0.04
"""How long a test has its devbox. Without any, it would be measured how many leases one machine can do."""
ROUNDS = 30


def measure() -> list[Figure]:
    """Measure the hand-over, and a reset against a fresh boot in the same run."""
    return [_hand_over(), _reset()]


def _hand_over() -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        each = LEASES // PROCESSES
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as workers:
            taken = workers.starmap(_leases, [(folder, each)] * PROCESSES, chunksize=1)
    times = [second * 1000 for seconds in taken for second in seconds]
    worst = statistics.quantiles(times, n=100)[98]
    what = f"hand-over of a pooled devbox beyond the API's time, {LEASES:,} leases over {PROCESSES} processes"
    return Figure(what, statistics.median(times), "ms", 5, f"99 % within {worst:.1f} ms")


def _leases(folder: str, count: int) -> list[float]:
    """Take a slot and give it back, as often as told; return how long each of both took together."""
    pool = Pool(Path(folder), PROCESSES, "worker")
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        [lease] = pool.take("test", "spec")
        got = time.perf_counter()
        time.sleep(TEST_SECONDS)
        ended = time.perf_counter()
        pool.give_back(lease, lease.fits or "entry", "spec")
        taken.append(got - begun + time.perf_counter() - ended)
    return taken


def _reset() -> Figure:
    with backend() as running, running.client() as client, client.devbox.create() as devbox:
        times = interleaved(
            ROUNDS,
            reset=lambda: client.call(local_only.RESET, {"id": devbox.id}),
            fresh=lambda: _boot_and_end(client),
        )
    detail = f"{times['reset']:.1f} ms / {times['fresh']:.1f} ms"
    what = "a devbox put back to its starting state, against a fresh one and the end of the old"
    return Figure(what, times["reset"] / times["fresh"], "x", 1.2, detail)


def _boot_and_end(client: Runloop) -> None:
    client.devbox.create().shutdown()
