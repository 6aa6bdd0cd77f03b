"""What happened in one attempt at a test, put together from its reports."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from .schema import Phase

_ATTEMPT = pytest.StashKey["Attempt"]()
_TEXT = 20_000


@dataclass(slots=True)
class Attempt:
    """One attempt at a test.

    :param started: when its set-up began, in seconds since the epoch.
    """

    started: float
    phases: list[Phase] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether anything of it failed: a phase, or a subtest."""
        return any(phase.outcome == "failed" for phase in self.phases)

    @property
    def outcome(self) -> str:
        """`failed` if the test or a subtest did; `error` if only what is around it did."""
        failed = {phase.name for phase in self.phases if phase.outcome == "failed"}
        return "error" if failed <= {"setup", "teardown"} else "failed"


def note(item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[object]) -> Attempt:
    """Add a report to its attempt, which the report of the set-up begins: a rerun uses the same item."""
    if report.when == "setup" or _ATTEMPT not in item.stash:
        item.stash[_ATTEMPT] = Attempt(report.start)
    attempt = item.stash[_ATTEMPT]
    phase = Phase(_name(report), report.outcome, report.duration)
    if report.failed:
        _explain(phase, report, call)
    attempt.phases.append(phase)
    return attempt


def _name(report: pytest.TestReport) -> str:
    context = getattr(report, "context", None)  # of pytest's own reports of subtests
    if context is None:
        return str(report.when)
    message = getattr(context, "msg", None)
    arguments = ", ".join(f"{name}={value!s:.80}" for name, value in getattr(context, "kwargs", {}).items())
    return " ".join(filter(None, ["subtest", message, f"({arguments})" if arguments else ""]))


def _explain(phase: Phase, report: pytest.TestReport, call: pytest.CallInfo[object]) -> None:
    raised = call.excinfo
    if raised is not None:
        phase.exception = f"{raised.type.__module__}.{raised.type.__qualname__}"
        phase.text = raised.exconly()[:_TEXT]
    else:
        phase.text = report.longreprtext[:_TEXT]
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        phase.place = f"{crash.path}:{crash.lineno}"
