"""Many devboxes at once on the local backend."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from .figures import Figure
from .local import backend

COUNT = 200


def measure() -> list[Figure]:
    """Measure memory a devbox and devboxes booted a second, through the API."""
    with backend() as running, running.client() as client, ThreadPoolExecutor(8) as threads:
        client.devbox.create().shutdown()
        before = running.memory_kib()
        started = time.perf_counter()
        devboxes = list(threads.map(lambda _: client.devbox.create(), range(COUNT)))
        rate = COUNT / (time.perf_counter() - started)
        each = (running.memory_kib() - before) / COUNT / 1024
        list(threads.map(lambda devbox: devbox.shutdown(), devboxes))
    detail = f"{COUNT} devboxes alive; proportional set size of all processes"
    return [
        Figure("memory a devbox", each, "MiB", 3, detail),
        Figure("devboxes booted a second", rate, "/s", 100, f"{COUNT} by 8 threads", at_least=True),
    ]
