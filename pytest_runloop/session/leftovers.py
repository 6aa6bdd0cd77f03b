"""What a test that ran out of its time leaves running in devboxes that are used again."""

from __future__ import annotations

from traceback import walk_tb
from typing import TYPE_CHECKING, Any

import pytest

from .verdict.calls import first_line
from .verdict.chain import errors_in

if TYPE_CHECKING:
    from .. import Runloop
    from ..client._sync.execution import Execution
    from .evidence.transcript import Transcript

WHY = "its test ran out of time, and what that started may still run"
"""Why a pooled devbox is then not handed on: nobody can list all that the test started in it."""
_TIMER = "pytest_timeout"
_MOST = 20
_DEATH_SECONDS = 5.0
_BODY = pytest.StashKey[float]()
_LATE = pytest.StashKey[bool]()


def watch(item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[object]) -> None:
    """Keep in mind when the body of a test began, and whether its time ran out."""
    if report.when == "setup":
        _forget(item)
        if report.passed:
            item.stash[_BODY] = call.stop
    if call.excinfo is not None and _is_of_the_timer(call.excinfo.value):
        item.stash[_LATE] = True


def _forget(item: pytest.Item) -> None:
    """Begin anew: a rerun of the test uses the same item."""
    keys: tuple[pytest.StashKey[Any], ...] = (_BODY, _LATE)
    for key in keys:
        if key in item.stash:
            del item.stash[key]


def is_late(item: pytest.Item) -> bool:
    """Tell whether a test ran out of its time."""
    return item.stash.get(_LATE, False)


def _is_of_the_timer(error: BaseException) -> bool:
    """Tell whether pytest-timeout raised an error, or one that it came of."""
    return any(_raised_in(one) == _TIMER for one in errors_in(error))


def _raised_in(error: BaseException) -> str | None:
    """Return the module that raised an error, or had pytest raise it."""
    modules = [frame.f_globals.get("__name__") for frame, _ in walk_tb(error.__traceback__)]
    while modules and modules[-1] == "_pytest.outcomes":
        modules.pop()
    return modules[-1] if modules else None


def ended(item: pytest.Item, client: Runloop, transcript: Transcript, devbox: str) -> list[str]:
    """End the commands that the body of a test began in a devbox that goes on being used.

    Not those of its set-up: they may be a wider fixture's.

    :return: what became of those that still ran, in words without secrets.
    """
    from ..client.results import shortened

    since = item.stash.get(_BODY, None)
    records = [] if since is None else transcript.of(devbox, since)
    told = []
    for record in [record for record in records if record.execution and record.unfinished][-_MOST:]:
        fate = _fate(client.devbox.from_id(devbox).cmd.execution(str(record.execution)))
        if fate is not None:
            told.append(f"`{shortened(transcript.redactor.text(str(record.command)))}` {fate}")
    return told


def _fate(execution: Execution) -> str | None:
    """End a command, and say what became of it; `None` if it had ended, or if nobody knows it."""
    from ..client.errors import RunloopError
    from ..contract.params.options import PollingConfig

    try:
        if execution.get_state().status == "completed":
            return None
    except RunloopError:
        return None
    try:
        execution.kill(kill_process_group=True)
        execution.result(polling_config=PollingConfig(timeout_seconds=_DEATH_SECONDS))
    except RunloopError as error:
        return f"may still run: {first_line(error)}"
    return "was killed with its process group; what it started outside of that may still run"
