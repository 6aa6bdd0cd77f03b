"""What becomes of a test's devbox when the test is over: a snapshot if it failed, then the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .. import options
from . import bundle

if TYPE_CHECKING:
    from ..lending import Held, Lending
    from ..run import Run

DEVBOX, SECONDS, SNAPSHOT = "runloop_devbox", "runloop_boot_seconds", "runloop_snapshot"
"""Names of the properties in reports, as junit and others show them."""

_HELD = pytest.StashKey[list["Held"]]()
_FAILED = pytest.StashKey[bool]()


def hold(item: pytest.Item, held: Held) -> None:
    """Give a devbox to a test, until its teardown is reported."""
    item.stash.setdefault(_HELD, []).append(held)
    properties = item.user_properties
    properties[:] = [known for known in properties if known[0] not in (DEVBOX, SECONDS)]
    properties += [(DEVBOX, held.devbox.id), (SECONDS, f"{held.seconds:.3f}")]


def held_by(item: pytest.Item) -> list[Held]:
    """Return the devboxes of a test, until they are taken back."""
    return item.stash.get(_HELD, [])


def watch(item: pytest.Item, report: pytest.TestReport) -> None:
    """Keep in mind whether anything of a test with a devbox failed: a phase, or a subtest.

    A subtest's report says "call" as well, and the call itself says "passed" after it.
    """
    if _HELD in item.stash:
        item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed


def settle(item: pytest.Item, report: pytest.TestReport, run: Run, lending: Lending) -> None:
    """End the test's devboxes, after a snapshot where one is wanted.

    Here and not in the fixture's teardown, for only now the whole verdict is known. Nothing that goes
    wrong here may hide the test's own result: it is told in the report, and the sweep ends what is left.
    """
    if _HELD not in item.stash:
        return
    failed = item.stash[_FAILED]
    wanted = _wanted(run.settings[options.SNAPSHOT], failed=failed)
    for held in item.stash[_HELD]:
        if held.instead_of is not None:
            _tell(report, f"Devbox {held.devbox.id} was made in place of {held.instead_of}")
        fate = lending.fate(held) if failed else None
        if fate is not None:  # the test's own errors may only say that nobody answered
            _tell(report, f"Devbox {held.devbox.id} ended under the test: {fate}")
        if wanted:
            _snapshot(item, report, run, held)
        try:
            ailment = lending.take_back(held)
            if ailment is not None:
                _tell(report, f"Devbox {held.devbox.id} is not handed on to other tests: {ailment}")
        except Exception as error:
            _tell(report, f"Devbox {held.devbox.id} was not confirmed to have ended: {error}")
    del item.stash[_HELD], item.stash[_FAILED]  # a rerun of the test uses the same item


def _wanted(mode: str, *, failed: bool) -> bool:
    return mode == "always" or (mode == "on-failure" and failed)


def _snapshot(item: pytest.Item, report: pytest.TestReport, run: Run, held: Held) -> None:
    try:
        snapshot = held.devbox.snapshot_disk(
            name=f"{held.entry.test[-80:]}",
            metadata=held.entry.metadata,
            commit_message=held.entry.test[:1000],
        ).id
    except Exception as error:
        _tell(report, f"No snapshot of devbox {held.devbox.id} could be taken: {error}")
        return
    report.user_properties.append((SNAPSHOT, snapshot))
    bundle.complete_for(item, held.devbox.id, snapshot=snapshot)
    run.journal.note("snapshot", id=snapshot, devbox=held.devbox.id, test=item.nodeid)
    _tell(
        report,
        f"{snapshot} holds the disk of devbox {held.devbox.id} as the test left it.\n"
        f"To start from it: pytest {options.FROM_SNAPSHOT.flag}={snapshot} '{item.nodeid}'",
    )


def _tell(report: pytest.TestReport, text: str) -> None:
    # pytest shows sections of a teardown that passed only if their title says "teardown".
    report.sections.append(("devbox at teardown", text))
