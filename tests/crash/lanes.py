"""Several lanes at a time, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import queue
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .case import Case
from .lane import Outcome, lane


def try_all(seeds: range, lanes: int) -> Iterator[Outcome]:
    """Try the cases of seeds, and yield how each went, as it ends.

    :param lanes: how many cases at a time.
    """
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_work, args=(seeds[n::lanes], results)) for n in range(lanes)]
    for process in processes:
        process.start()
    missing = len(seeds)
    while missing:
        try:
            yield results.get(timeout=1)
            missing -= 1
        except queue.Empty:
            if not any(process.is_alive() for process in processes):
                break
    for process in processes:
        process.join()


def _work(seeds: range, results: Any) -> None:
    with tempfile.TemporaryDirectory(prefix="rl-") as folder, lane(Path(folder)) as place:
        for seed in seeds:
            results.put(place.try_out(Case.of(seed)))
        late = place.late()
        assert not late, f"these came to life after all was cleared: {late}"
