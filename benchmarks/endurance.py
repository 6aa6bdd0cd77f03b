"""Very many devboxes one after another on one local backend: what of them stays behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from pytest_runloop import Runloop

from .figures import Figure
from .local import Backend, backend

COUNT = 10_000
REMEMBERED = 3_000
"""More than the server remembers of ended devboxes and answers: after them it holds all it ever does."""
SETTLE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Holding:
    """What a backend holds."""

    memory_kib: int
    descriptors: int
    disk_entries: int


def measure() -> list[Figure]:
    """Measure how memory, descriptors and disk grow from the first devboxes to the last."""
    with backend() as running, running.client() as client:
        _live_and_die(client, REMEMBERED)
        before = _settled(running)
        _live_and_die(client, COUNT - REMEMBERED)
        after = _settled(running)
    return [
        _growth("memory", before, after, lambda holding: holding.memory_kib, 1.1),
        _growth("descriptors", before, after, lambda holding: holding.descriptors, 1),
        _growth("files and directories", before, after, lambda holding: holding.disk_entries, 1),
    ]


def _live_and_die(client: Runloop, count: int) -> None:
    for _ in range(count):
        devbox = client.devbox.create()
        devbox.cmd.exec("echo hello").check()
        devbox.shutdown()


def _settled(running: Backend) -> Holding:
    """Return what the backend holds when it has cleaned up: it does so behind its answers."""
    until = time.monotonic() + SETTLE_SECONDS
    holding = _holding(running)
    while time.monotonic() < until:
        time.sleep(2)
        earlier, holding = holding, _holding(running)
        if (earlier.descriptors, earlier.disk_entries) == (holding.descriptors, holding.disk_entries):
            break
    return holding


def _holding(running: Backend) -> Holding:
    # `os.walk` goes on where a directory is deleted meanwhile.
    entries = sum(len(directories) + len(files) for _, directories, files in os.walk(running.state))
    return Holding(running.memory_kib(), running.descriptors(), entries)


def _growth(
    what: str, before: Holding, after: Holding, part: Callable[[Holding], int], bound: float
) -> Figure:
    first, last = part(before), part(after)
    detail = f"{first:,} after {REMEMBERED:,}, {last:,} after {COUNT:,} devboxes"
    return Figure(f"{what} of the backend after {COUNT:,} devboxes", last / first, "x", bound, detail)
