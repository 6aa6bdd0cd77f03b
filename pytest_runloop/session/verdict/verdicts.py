"""The verdicts on the tests of one process of a run, from the first report to the last."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from .. import faults, options
from ..devboxes import Devboxes
from ..evidence import settle
from ..run import Run
from . import shown, silent
from .again import Again, is_void
from .ends import Known
from .judge import Failure, Judge
from .verdict import VERDICT, Kind, Verdict

if TYPE_CHECKING:
    from ...contract.views.devboxes import DevboxView


@dataclass(slots=True)
class _Attempt:
    """One attempt of a test.

    :param since: when it began, in seconds since the epoch.
    :param passed: whether its body passed; not so if that was not expected.
    :param failed: whether anything failed in it.
    :param judged: when something in it was judged last, in seconds since the epoch.
    :param overruled: the verdict on a test that passed and may not.
    :param known: what is known of its devboxes, from before they are put away.
    :param settled: whether they were.
    """

    since: float
    passed: bool = False
    failed: bool = False
    judged: float = 0.0
    overruled: Verdict | None = None
    known: dict[str, Known] = field(default_factory=dict)
    settled: bool = False


_ATTEMPT = pytest.StashKey[_Attempt]()
_OWN_FAULTS = Verdict(Kind.CODE, ("The test let things go wrong itself, with `runloop_faults`.",))


class Verdicts:
    """Judges what fails, and has it repeated where that helps.

    :param run: the run.
    :param devboxes: those that this process makes.
    """

    def __init__(self, run: Run, devboxes: Devboxes) -> None:
        self._run = run
        self._devboxes = devboxes
        self._judge = Judge(run, devboxes)
        self.again = Again(run.settings[options.RERUN_ENVIRONMENT])

    def report(self, item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[object]) -> None:
        """Give a report its verdict, if it is one of a failure. A subtest has a report of its own."""
        if report.when == "setup":
            shown.forget(item)
            item.stash[_ATTEMPT] = _Attempt(call.start)
        attempt = item.stash.get(_ATTEMPT, None) or _Attempt(call.start)
        if report.failed:
            attempt.failed = True
            self._judged(item, report, call, attempt)
        elif report.when == "call":
            attempt.passed = report.passed and not hasattr(report, "wasxfail")
            shown.after_subtests(item, report, void=is_void(item))
        if report.when == "teardown":
            shown.name(item, report)

    def _judged(
        self, item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[object], attempt: _Attempt
    ) -> None:
        asked_for = _OWN_FAULTS if faults.given_by(item) else None
        verdict = attempt.overruled or asked_for or self._verdict(_failure(item, call, attempt))
        attempt.judged = time.time()
        if verdict is None:
            return
        known = item.stash.get(VERDICT, verdict)
        item.stash[VERDICT] = verdict if known.environment else known
        shown.give(item, report, verdict)
        void = self.again.void(item, report)
        if verdict.environment:
            self._run.journal.note("verdict", test=item.nodeid, kind=verdict.kind, again=void)

    def _verdict(self, failure: Failure) -> Verdict | None:
        try:
            return self._judge.verdict(failure)
        except Exception as error:  # it must not hide the failure itself
            return Verdict(Kind.CODE, (f"It could not be looked into: {error}",))

    def may_pass(self, item: pytest.Item, report: pytest.TestReport) -> bool:
        """Tell whether a test has passed for good when its teardown has, as far as its commands say.

        If not, the report is made one of a failure.
        """
        attempt = item.stash.get(_ATTEMPT, None)
        if attempt is None or report.when != "teardown" or not report.passed:
            return False
        if attempt.failed or not attempt.passed:
            return False
        if self._run.settings[options.STRICT_COMMANDS]:
            failed = self._unseen(attempt.since)
            if failed:
                text = silent.told_unseen(failed, options.STRICT_COMMANDS.flag)
                _overrule(report, attempt, Verdict(Kind.CODE), text)
                return False
        held = [held.devbox.id for held in settle.held_by(item)]
        if not faults.given_by(item):
            dead = self._dead(attempt.since, held)
            if _died(dead, self._known(dead), attempt, report):
                return False
            attempt.known = self._known(held)
        return bool(held)

    def _dead(self, since: float, but: list[str]) -> Mapping[str, DevboxView]:
        try:
            return self._judge.dead(since, but)
        except Exception:  # what cannot be looked into is no reason to fail a test that passed
            return {}

    def _known(self, devboxes: Iterable[str]) -> dict[str, Known]:
        return {devbox: self._judge.known(devbox) for devbox in devboxes}

    def _unseen(self, since: float) -> list[Any]:
        transcript = self._devboxes.transcript
        return [
            record
            for devbox in transcript.touched(since)
            for record in silent.unseen(transcript.of(devbox, since))
        ]

    def passed(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Make the report of a test that passed one of a failure, if its devbox was dead at its end."""
        attempt = item.stash[_ATTEMPT]
        attempt.settled = True
        _died(self._devboxes.ended, attempt.known, attempt, report)
        for devbox in attempt.known:
            self._devboxes.ended.pop(devbox, None)

    def is_settled(self, item: pytest.Item) -> bool:
        """Tell whether the devboxes of a test were put away already, since it had passed."""
        attempt = item.stash.get(_ATTEMPT, None)
        return attempt is not None and attempt.settled


def _failure(item: pytest.Item, call: pytest.CallInfo[object], attempt: _Attempt) -> Failure:
    error = call.excinfo.value if call.excinfo else None
    held = tuple(held.devbox.id for held in settle.held_by(item))
    # A subtest of unittest does not say when it began.
    return Failure(error, held, attempt.since, max(attempt.since, attempt.judged, call.start))


def _died(
    ended: Mapping[str, DevboxView], known: Mapping[str, Known], attempt: _Attempt, report: pytest.TestReport
) -> bool:
    """Make a report one of a failure if a devbox has ended that was not to; tell whether it did."""
    verdict = silent.on_dead_devboxes(ended, known)
    if verdict is not None:
        _overrule(report, attempt, verdict, silent.told_death(verdict))
    return verdict is not None


def _overrule(report: pytest.TestReport, attempt: _Attempt, verdict: Verdict, text: str) -> None:
    attempt.overruled = verdict
    report.outcome, report.longrepr = "failed", text
