"""Whether output arrives whole and once over streams that are cut at any byte, again and again.

Commands print what a seed chooses; a local backend cuts the streams of their outputs where the seed says.
Each output is taken twice: by callbacks while the command runs, and by `result.stdout()` and `.stderr()`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from pytest_runloop import AsyncDevbox, AsyncRunloop, Devbox, Runloop, RunloopError

from .cutting import Cutter, Trial
from .figures import Figure
from .local import Backend, backend
from .printing import WRITER

SEED = 20_261_129
COMMANDS = 400
CUTS = 1000
"""So many come of so many commands at least."""
WORKERS = 24
"""So many commands run at once: half of them by the blocking client, half by the async one."""
_COMMAND = "python3 writer.py"
_SILENCE = 20.0
"""So many seconds a client bears a connection on which nothing comes."""
_UPLOAD = 60.0
"""The same for uploads, which are not what is cut."""


def measure(seed: int = SEED, commands: int = COMMANDS) -> list[Figure]:
    """Print, cut, and compare.

    :param seed: decides what is printed, and where it is cut.
    :param commands: how many.
    """
    trials = [Trial.of(seed, number) for number in range(commands)]
    each = [trials[worker::WORKERS] for worker in range(WORKERS)]
    with backend("auto", "--faults", "seed=1") as running, Cutter(running) as cutter:
        with ThreadPoolExecutor(WORKERS) as pool:
            blocking = [pool.submit(_worker, running, cutter, mine) for mine in each[::2]]
            asyncio.run(_async_workers(running, cutter, each[1::2]))
            for worker in blocking:
                worker.result()
        cuts = cutter.done()
    detail = f"{commands:,} commands, {cutter.resumed.count:,} streams resumed in the middle, seed {seed}"
    return _figures(trials, cuts, detail)


def _figures(trials: list[Trial], cuts: int, detail: str) -> list[Figure]:
    lost, doubled = map(sum, zip(*(found for trial in trials for found in trial.differences()), strict=True))
    return [
        Figure("random cuts of commands' outputs", cuts, "cuts", CUTS, detail, at_least=True),
        Figure("bytes lost over cut streams", lost, "bytes", 0, detail),
        Figure("bytes that came twice over cut streams", doubled, "bytes", 0, detail),
    ]


def _worker(running: Backend, cutter: Cutter, trials: list[Trial]) -> None:
    """Run commands one after the other by the blocking client."""
    with (
        Runloop(running.base_url, running.api_key, timeout=_SILENCE, observer=cutter.resumed) as client,
        client.devbox.create() as devbox,
    ):
        devbox.file.write(file_path="writer.py", contents=WRITER)
        for trial in trials:
            try:
                _run(devbox, cutter, trial)
            except RunloopError as error:
                print(f"{trial.name}: {error}", file=sys.stderr)


def _run(devbox: Devbox, cutter: Cutter, trial: Trial) -> None:
    devbox.file.upload(path="content", file=trial.printed.content, timeout=_UPLOAD)
    devbox.file.write(file_path="steps", contents=trial.printed.steps)
    with cutter.cutting(devbox.id, trial):
        stdout, stderr = trial.callbacks(time.sleep)
        result = devbox.cmd.exec(_COMMAND, stdout=stdout, stderr=stderr)
        trial.fetched = {"stdout": result.stdout(), "stderr": result.stderr()}


async def _async_workers(running: Backend, cutter: Cutter, each: list[list[Trial]]) -> None:
    async with AsyncRunloop(
        running.base_url, running.api_key, timeout=_SILENCE, observer=cutter.resumed
    ) as client:
        await asyncio.gather(*(_async_worker(client, cutter, trials) for trials in each))


async def _async_worker(client: AsyncRunloop, cutter: Cutter, trials: list[Trial]) -> None:
    """Run commands one after the other by the async client."""
    async with await client.devbox.create() as devbox:
        await devbox.file.write(file_path="writer.py", contents=WRITER)
        for trial in trials:
            try:
                await _async_run(devbox, cutter, trial)
            except RunloopError as error:
                print(f"{trial.name}: {error}", file=sys.stderr)


async def _async_run(devbox: AsyncDevbox, cutter: Cutter, trial: Trial) -> None:
    await devbox.file.upload(path="content", file=trial.printed.content, timeout=_UPLOAD)
    await devbox.file.write(file_path="steps", contents=trial.printed.steps)
    with cutter.cutting(devbox.id, trial):
        stdout, stderr = trial.callbacks(asyncio.sleep)
        result = await devbox.cmd.exec(_COMMAND, stdout=stdout, stderr=stderr)
        trial.fetched = {"stdout": await result.stdout(), "stderr": await result.stderr()}
