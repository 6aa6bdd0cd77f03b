"""The processes of a case: a controller with its workers, and whoever clears up after them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_runloop.remains.command import sweep
from pytest_runloop.session import audit, options, watcher
from pytest_runloop.session.devboxes import Devboxes
from pytest_runloop.session.files import write_private
from pytest_runloop.session.lending import Lending
from pytest_runloop.session.member import Member
from pytest_runloop.session.patience import Patience
from pytest_runloop.session.run import WORKER_INPUT, Run
from pytest_runloop.session.settings import Settings
from pytest_runloop.session.sweep import OfDeadRuns

from ..support.config import Config, settings_of
from .case import Case
from .death import Death

LABEL = "crash-case"
_MESSAGE = 1024
_TESTS = Path(__file__).with_name("inner.py")


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
    config: Any = Config()
    member = Member(config, _settings(case), str(uuid.uuid4()))
    path = member.for_worker()[WORKER_INPUT]
    if case.cleaner != "watcher":
        write_private(Path(path) / watcher.FILE, json.dumps({"failed": "killed too"}))
    for _ in workers:
        os.write(writing, f"{path}\n".encode().ljust(_MESSAGE))
    broken = [worker for worker in workers if os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) > 0]
    assert not broken, "a worker broke"
    if case.step == "end":
        death.lie_in_wait()
    with _silence():  # what it says of devboxes, the lane looks at itself
        member.session_over(interrupted=False)
        member.finish()


def _settings(case: Case) -> Settings:
    return settings_of(**{options.MAX_DEVBOXES.ini: case.cap})


def _worker(case: Case, reading: int, writing: int, death: Death) -> None:
    os.close(writing)
    path = os.read(reading, _MESSAGE).decode().strip()
    plain = ("--noconftest", "--assert=plain", "-p", "no:cacheprovider", "-p", "pytest_runloop.plugin")
    arguments = [str(_TESTS), *plain, f"--rootdir={Path(path).parent}", "-c", os.devnull, *_given(case)]
    with _silence() as said:
        status = pytest.main(arguments, plugins=[_Worker(case, path, os.getppid(), death)])
    expected = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    if status not in expected or os.environ.get("SHOW"):
        raise AssertionError(f"pytest ended with {status}: {said[0]}")


def _given(case: Case) -> list[str]:
    cap = [] if case.cap is None else [f"{options.MAX_DEVBOXES.flag}={case.cap}"]
    return [*cap, *case.options]


@contextlib.contextmanager
def _silence() -> Iterator[list[str]]:
    """Let nothing that this process says be seen; give it when it is over."""
    seen, said = [os.dup(1), os.dup(2)], list[str]()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
        yield said
        sys.stdout.flush()
        sys.stderr.flush()
        file.seek(0)
        said.append(file.read())
    for stream, descriptor in zip((1, 2), seen, strict=True):
        os.dup2(descriptor, stream)


class _Worker:
    """Makes of a run of pytest what xdist makes of it in a worker.

    :param path: the run's directory.
    :param parent: the controller's process id.
    """

    def __init__(self, case: Case, path: str, parent: int, death: Death) -> None:
        self._case = case
        self._path = path
        self._parent = parent
        self._death = death

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: Any) -> None:
        config.workerinput = {WORKER_INPUT: self._path}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        about = {LABEL: str(self._case.seed)}
        metafunc.parametrize(
            "how",
            [
                pytest.param(how, marks=pytest.mark.devbox(reuse=reuse, metadata=about), id=f"{number}")
                for number, (reuse, how) in enumerate(self._case.tests)
            ],
        )

    def pytest_collection_finish(self) -> None:
        if self._case.step != "end":
            self._death.lie_in_wait()

    def pytest_runtest_logstart(self) -> None:
        if os.getppid() != self._parent:
            pytest.exit("the controller has died")


def _test(lending: Lending, name: str, metadata: dict[str, str]) -> None:
    lending.take_back(lending.lend({"metadata": metadata}, name))


def next_run(case: Case) -> None:
    """Be the next run on this machine, with a test of its own."""
    run = Run(_settings(case))
    write_private(run.path / watcher.FILE, json.dumps({"failed": "killed too"}))
    clearing = OfDeadRuns(run.path)
    clearing.start()
    config: Any = Config()
    _test(Lending(run, Devboxes(run, Patience(config, run))), "test_next", {LABEL: str(case.seed)})
    found = audit.take(run, interrupted=False)
    run.close(keep=bool(found.unconfirmed))
    clearing.join(30)


def sweep_by_hand() -> None:
    """Be `pytest-runloop sweep --yes`."""
    sys.stdout = io.TextIOWrapper(io.BytesIO())
    sweep(really=True)
