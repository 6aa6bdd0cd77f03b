"""What a devbox costs on the local backend, beside its floor and a plain process."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from pytest_runloop import Runloop
from pytest_runloop.local.engine.protocol import BoxSpec, Command, Engine
from pytest_runloop.local.engine.select import open_engine

from .figures import Figure, interleaved
from .local import backend

ROUNDS = 40
FILES = 10_000


def measure() -> list[Figure]:
    """Measure boot, command and snapshot through the client, each beside what it is compared with."""
    with backend() as running, running.client() as client, _BareEngine() as engine:
        boots = interleaved(ROUNDS, floor=engine.boot_and_run, client=lambda: _create_and_run(client))
        return [
            Figure(
                "create → first command answered, against the engine alone",
                boots["client"] / boots["floor"],
                "x",
                3,
                f"{boots['client']:.1f} ms / {boots['floor']:.1f} ms",
            ),
            _execution(client),
            *_snapshots(client),
        ]


def _create_and_run(client: Runloop) -> None:
    devbox = client.devbox.create()
    assert devbox.cmd.exec("true").success
    devbox.shutdown()


def _execution(client: Runloop) -> Figure:
    with client.devbox.create() as devbox, tempfile.TemporaryDirectory() as home:
        # An empty home, as in the devbox: what this user's own profile costs is not the question.
        environment = {"HOME": home, "PATH": os.defpath}
        times = interleaved(
            ROUNDS,
            plain=lambda: subprocess.run(["bash", "-lc", "true"], check=True, env=environment),
            devbox=lambda: devbox.cmd.exec("true"),
        )
    detail = f"{times['devbox']:.1f} ms / {times['plain']:.1f} ms"
    what = '`exec("true")` against `subprocess.run(["bash", "-lc", "true"])`'
    return Figure(what, times["devbox"] / times["plain"], "x", 2, detail)


def _snapshots(client: Runloop) -> list[Figure]:
    few, many = _snapshot_times(client, 10), _snapshot_times(client, FILES)
    created = interleaved(ROUNDS // 2, create=lambda: client.devbox.create().shutdown())["create"]
    return [
        Figure(
            f"snapshot of {FILES:,} changed files, against create",
            many[0] / created,
            "x",
            2,
            f"{many[0]:.1f} ms / {created:.1f} ms; with 10 files {few[0]:.1f} ms",
        ),
        Figure(
            f"devbox from a snapshot of {FILES:,} files, against create",
            many[1] / created,
            "x",
            2,
            f"{many[1]:.1f} ms / {created:.1f} ms; with 10 files {few[1]:.1f} ms",
        ),
    ]


def _snapshot_times(client: Runloop, files: int) -> tuple[float, float]:
    pairs = [_snapshot_and_restore(client, files) for _ in range(7)]
    return statistics.median(taken for taken, _ in pairs), statistics.median(back for _, back in pairs)


def _snapshot_and_restore(client: Runloop, files: int) -> tuple[float, float]:
    with client.devbox.create() as devbox:
        devbox.cmd.exec(f"mkdir d && cd d && seq {files} | xargs touch").check()
        started = time.perf_counter()
        snapshot = devbox.snapshot_disk()
        taken = time.perf_counter()
        copy = snapshot.create_devbox()
        restored = time.perf_counter()
        copy.shutdown()
    snapshot.delete()
    return (taken - started) * 1000, (restored - taken) * 1000


class _BareEngine:
    """The engine without server and client: the floor."""

    def __enter__(self) -> _BareEngine:
        self._state = tempfile.TemporaryDirectory(prefix="runloop-floor-", dir=Path.home())
        self._runner = asyncio.Runner()
        self._engine: Engine = self._runner.run(open_engine("namespace", Path(self._state.name)))
        self._count = 0
        return self

    def __exit__(self, *exc: object) -> None:
        self._runner.run(self._engine.close())
        self._runner.close()
        self._state.cleanup()

    def boot_and_run(self) -> None:
        self._count += 1
        self._runner.run(self._boot_and_run(f"floor{self._count}"))

    async def _boot_and_run(self, name: str) -> None:
        box = await self._engine.boot(BoxSpec(name))
        null = os.open(os.devnull, os.O_RDWR)
        try:
            command = Command(["/bin/bash", "-lc", "true"], dict(box.environment), null, null, null)
            assert await (await box.spawn(command)).wait() == 0
        finally:
            os.close(null)
        await box.destroy()
