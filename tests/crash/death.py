"""Dies at a line of code: with SIGKILL, as out-of-memory killers and impatient CI systems do it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import httpcore

import pytest_runloop
from pytest_runloop.session import ending, requests
from pytest_runloop.session.devboxes import Devboxes
from pytest_runloop.session.evidence import snapshots
from pytest_runloop.session.evidence.keeper import Keeper
from pytest_runloop.session.evidence.partings import Partings
from pytest_runloop.session.ledger import Ledger
from pytest_runloop.session.lending import Lending
from pytest_runloop.session.member import Member
from pytest_runloop.session.pool.pool import Pool
from pytest_runloop.session.restoring.restoring import Restoring
from pytest_runloop.session.verdict.again import Again

from .case import Case

CODE: dict[str, CodeType] = {
    "intend": Ledger.intend.__code__,
    "create": Devboxes.boot.__code__,
    "flight": requests.create.__code__,
    "lease": Pool.take.__code__,
    "release": Lending.take_back.__code__,
    "shutdown": ending.end.__code__,
    "reset": Restoring.restore.__code__,
    "evidence": Keeper._keep.__code__,
    "snapshot": snapshots.begin.__code__,
    "parting": Partings._done.__code__,
    "keep": Devboxes.leave.__code__,
    "again": Again.next_attempt.__code__,
    "end": Member.finish.__code__,
}
_OURS = (
    os.path.dirname(pytest_runloop.__file__) + "/session/",  # noqa: PTH120
    os.path.dirname(pytest_runloop.__file__) + "/client/",  # noqa: PTH120
    os.path.dirname(httpcore.__file__) + "/_backends/",  # noqa: PTH120 - between request and answer
)
_WIRE = _OURS[-1:]


class Death:
    """Waits for its moment.

    :param case: when it is.
    :param controller: the process that owns the run, and leads the group of its processes.
    :param told: a pipe that is told the moment, on the clock that all processes share.
    """

    def __init__(self, case: Case, controller: int, told: int) -> None:
        self._case = case
        self._code = CODE[case.step] if case.step else None
        self._controller = controller
        self._told = told
        self._files = _WIRE if case.step == "flight" else _OURS
        self._turns = 0
        self._lines = 0
        self._step: FrameType | None = None
        self._counting = threading.Lock()
        self._struck = False

    def lie_in_wait(self) -> None:
        """Watch every line from now on."""
        if self._code is not None:
            threading.settrace(self._trace)
            sys.settrace(self._trace)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        if frame.f_code is self._code and self._step is None:
            self._turns += 1
            if self._turns == self._case.turn:
                self._step = frame
        if self._step is None:
            return None
        # Lines of all threads count: the step lets some of them do its work.
        return self._line if frame.f_code.co_filename.startswith(self._files) else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
        with self._counting:
            over = event == "return" and frame is self._step
            self._lines += event == "line"
            if not self._struck and (over or self._lines > self._case.line):
                self._struck = True
                self._strike()
        return self._line

    def _strike(self) -> None:
        sys.settrace(None)
        os.write(self._told, f"{time.monotonic()}\n".encode())
        # Somebody else may have been quicker. An error from here would rise in the code that is watched.
        with contextlib.suppress(ProcessLookupError):
            if self._case.victims == "all":
                os.killpg(self._controller, signal.SIGKILL)
            os.kill(os.getpid() if self._case.victims == "self" else self._controller, signal.SIGKILL)
