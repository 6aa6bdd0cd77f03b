"""Our client beside the official SDK, on one local backend: import, and a thousand calls of `get_info`."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from runloop_api_client import AsyncRunloopSDK, RunloopSDK

from pytest_runloop import AsyncRunloop

from .figures import Figure
from .local import Backend, backend

CALLS = 1_000
BATCH = 100
IMPORTS = 15
_PLACE = "base_url='http://127.0.0.1'"
_OURS = "from pytest_runloop import Runloop"
_OFFICIAL = "from runloop_api_client import RunloopSDK"
_OUR_CLIENT = f"{_OURS}; Runloop({_PLACE}, api_key='key').close()"
_OFFICIAL_CLIENT = f"{_OFFICIAL}; RunloopSDK({_PLACE}, bearer_token='key').close()"


@dataclass
class _Spent:
    """Seconds of this process's processor time, and by the clock, of each batch."""

    processor: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)

    def add(self, processor: float, clock: float) -> None:
        """Add a batch that began at these times."""
        self.processor.append(time.process_time() - processor)
        self.clock.append(time.perf_counter() - clock)


def measure() -> list[Figure]:
    """Measure both clients in turn, so that noise hits both alike."""
    figures = [
        _started("import", _OURS, _OFFICIAL, 0.33),
        # What we load with the first client, and the SDK with its import.
        _started("import, and a client", _OUR_CLIENT, _OFFICIAL_CLIENT, 1),
    ]
    with backend() as running:
        figures += _sync(running)
        figures += asyncio.run(_async(running))
    return figures


def _started(what: str, ours: str, official: str, bound: float) -> Figure:
    statements = ("pass", ours, official)
    for statement in statements:
        _import_ms(statement)  # Compiles whatever was not yet.
    rounds = [[_import_ms(statement) for statement in statements] for _ in range(IMPORTS)]
    bare, mine, theirs = (min(column) for column in zip(*rounds, strict=True))
    detail = f"{mine - bare:.0f} ms / {theirs - bare:.0f} ms; least of {IMPORTS}"
    what = f"{what}: processor time, against the official SDK"
    return Figure(what, (mine - bare) / (theirs - bare), "x", bound, detail)


def _import_ms(statement: str) -> float:
    # Without it modules would be compiled at every start, which no user's program does.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def _sync(running: Backend) -> list[Figure]:
    with (
        running.client() as client,
        RunloopSDK(bearer_token=running.api_key, base_url=running.base_url) as official,
        client.devbox.create() as devbox,
    ):
        theirs = official.devbox.from_id(devbox.id)
        devbox.get_info()
        theirs.get_info()
        ours_spent, theirs_spent = _Spent(), _Spent()
        for _ in range(CALLS // BATCH):
            for spent, call in ((ours_spent, devbox.get_info), (theirs_spent, theirs.get_info)):
                began = time.process_time(), time.perf_counter()
                for _ in range(BATCH):
                    call()
                spent.add(*began)
    return _figures(f"{CALLS:,} `get_info` one by one", ours_spent, theirs_spent)


async def _async(running: Backend) -> list[Figure]:
    key, url = running.api_key, running.base_url
    async with (
        AsyncRunloop(base_url=url, api_key=key) as client,
        AsyncRunloopSDK(bearer_token=key, base_url=url) as official,
        await client.devbox.create() as devbox,
    ):
        ours, theirs = devbox.get_info, official.devbox.from_id(devbox.id).get_info
        in_turn = await _in_turn(_one_by_one, ours, theirs, BATCH, CALLS // BATCH)
        at_once = await _in_turn(_at_once, ours, theirs, CALLS, 3)
    return [
        *_figures(f"{CALLS:,} `get_info` one by one, async", *in_turn),
        *_figures(f"{CALLS:,} `get_info` at once, async", *at_once),
    ]


async def _in_turn(
    how: Callable[[Callable[[], Awaitable[Any]], int], Awaitable[None]],
    ours: Callable[[], Awaitable[Any]],
    theirs: Callable[[], Awaitable[Any]],
    calls: int,
    rounds: int,
) -> tuple[_Spent, _Spent]:
    spent = _Spent(), _Spent()
    await how(ours, calls)
    await how(theirs, calls)
    for _ in range(rounds):
        for taken, call in zip(spent, (ours, theirs), strict=True):
            began = time.process_time(), time.perf_counter()
            await how(call, calls)
            taken.add(*began)
    return spent


async def _one_by_one(call: Callable[[], Awaitable[Any]], calls: int) -> None:
    for _ in range(calls):
        await call()


async def _at_once(call: Callable[[], Awaitable[Any]], calls: int) -> None:
    await asyncio.gather(*(call() for _ in range(calls)))


def _figures(what: str, ours: _Spent, theirs: _Spent) -> list[Figure]:
    processor, clock = min(ours.processor), min(ours.clock)
    of_sdk, by_clock = min(theirs.processor), min(theirs.clock)
    return [
        Figure(
            f"{what}: processor time, against the official SDK",
            processor / of_sdk,
            "x",
            0.5,
            f"{processor * 1000:.0f} ms / {of_sdk * 1000:.0f} ms, least of {len(ours.processor)} batches",
        ),
        Figure(
            f"{what}: time, against the official SDK",
            clock / by_clock,
            "x",
            1,
            f"{clock * 1000:.0f} ms / {by_clock * 1000:.0f} ms, least of {len(ours.clock)} batches",
        ),
    ]
