"""The processes of a case: a controller with its workers, and whoever clears up after them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_runloop.remains.command import sweep
from pytest_runloop.session import audit, options, watcher
from pytest_runloop.session.devboxes import Devboxes
from pytest_runloop.session.files import write_private
from pytest_runloop.session.lending import Lending
from pytest_runloop.session.patience import Patience
from pytest_runloop.session.run import Run
from pytest_runloop.session.settings import Settings
from pytest_runloop.session.sweep import OfDeadRuns

from ..support.config import Config, settings_of
from .case import Case
from .death import Death

LABEL = "crash-case"
_MESSAGE = 1024


def fork(work: Callable[[], object]) -> int:
    """Do something in a process of its own, which says where it broke and never returns."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def controller(case: Case, told: int) -> None:
    """Be the process that owns the run: start the workers, and end everything after them."""
    os.setpgid(0, 0)
    death = Death(case, os.getpid(), told)
    # Forked before the run has its lock: a lock that a worker inherits would outlive the controller.
    reading, writing = os.pipe()
    workers = [fork(lambda: _worker(case, reading, writing, death)) for _ in range(case.workers)]
    run = Run(_settings(case))
    if case.cleaner != "watcher":
        write_private(run.path / watcher.FILE, json.dumps({"failed": "killed too"}))
    for _ in workers:
        os.write(writing, f"{run.path}\n".encode().ljust(_MESSAGE))
    for worker in workers:
        os.waitpid(worker, 0)
    if case.step == "end":
        death.lie_in_wait()
    found = audit.take(run, interrupted=False)
    run.close(keep=bool(found.unconfirmed))


def _settings(case: Case) -> Settings:
    return settings_of(**{options.MAX_DEVBOXES.ini: case.cap})


def _worker(case: Case, reading: int, writing: int, death: Death) -> None:
    parent = os.getppid()
    os.close(writing)
    run = Run(_settings(case), Path(os.read(reading, _MESSAGE).decode().strip()))
    config: Any = Config()
    lending = Lending(run, Devboxes(run, Patience(config, run)))
    if case.step != "end":
        death.lie_in_wait()
    for number, (reuse, snapshot) in enumerate(case.tests):
        if os.getppid() != parent:  # as an xdist worker ends whose controller died
            return
        with contextlib.suppress(Exception):  # a test that had an error
            _test(lending, f"test_{number}", reuse, snapshot, {LABEL: str(case.seed)})


def _test(lending: Lending, name: str, reuse: str, snapshot: bool, metadata: dict[str, str]) -> None:
    held = lending.lend({"metadata": metadata}, name, reuse=reuse)
    try:
        if snapshot:
            held.devbox.snapshot_disk(name=name)
    finally:
        lending.take_back(held)


def next_run(case: Case) -> None:
    """Be the next run on this machine, with a test of its own."""
    run = Run(_settings(case))
    write_private(run.path / watcher.FILE, json.dumps({"failed": "killed too"}))
    clearing = OfDeadRuns(run.path)
    clearing.start()
    config: Any = Config()
    _test(
        Lending(run, Devboxes(run, Patience(config, run))),
        "test_next",
        "never",
        False,
        {LABEL: str(case.seed)},
    )
    found = audit.take(run, interrupted=False)
    run.close(keep=bool(found.unconfirmed))
    clearing.join(30)


def sweep_by_hand() -> None:
    """Be `pytest-runloop sweep --yes`."""
    sys.stdout = io.TextIOWrapper(io.BytesIO())
    sweep(really=True)
