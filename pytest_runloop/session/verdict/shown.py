"""How a verdict is shown: in reports, by the terminal, and in the files that others make of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .verdict import VERDICT, Verdict

PROPERTY = "runloop_verdict"
"""Name of the property in reports, as junit and others show it; of the attribute of reports too."""
CATEGORY = "environment"
_RERUN = "rerun"
_UNCOUNTED = "runloop_uncounted"
_IN_BODY = pytest.StashKey[bool]()
_SECTION = "whose fault: {when}"


def give(item: pytest.Item, report: pytest.TestReport, verdict: Verdict) -> None:
    """Put a verdict into a report, and into the test's properties.

    The attribute is plain text: xdist carries it from a worker to the controller as it is.
    """
    setattr(report, PROPERTY, str(verdict))
    if verdict.environment or verdict.evidence:
        lines = [f"{verdict}", *(f"  {line}" for line in verdict.evidence)]
        report.sections.append((_SECTION.format(when=report.when), "\n".join(lines)))
    name(item, report)


def name(item: pytest.Item, report: pytest.TestReport) -> None:
    """Give a report the property with the verdict on all of the test."""
    if VERDICT not in item.stash:
        return
    said = (PROPERTY, str(item.stash[VERDICT]))
    for properties in (item.user_properties, report.user_properties):
        properties[:] = [known for known in properties if known[0] != PROPERTY]
        properties.append(said)


def forget(item: pytest.Item) -> None:
    """Take back what an earlier attempt of a test has left in it."""
    if VERDICT in item.stash:
        del item.stash[VERDICT]
    item.user_properties[:] = [known for known in item.user_properties if known[0] != PROPERTY]


def is_environment(report: Any) -> bool:
    """Tell whether a report is that of a failure of the environment."""
    return str(getattr(report, PROPERTY, "")).startswith(CATEGORY)


def status(report: Any) -> tuple[str, str, Any] | None:
    """Return category, letter and word of a report, if they are not the usual ones."""
    if getattr(report, _UNCOUNTED, False):
        return "", "", ""
    if not is_environment(report):
        return None
    if report.outcome == _RERUN:
        return _RERUN, "R", ("RERUN", {"yellow": True})
    return CATEGORY, "V", ("ENVIRONMENT", {"red": True, "bold": True})


def write(reporter: Any) -> None:
    """Write the failures of the environment as pytest writes others, under a title of their own."""
    if not reporter.no_summary and reporter.config.get_verbosity() >= -1:
        style = reporter.config.option.tbstyle
        reporter.summary_failures_combined(CATEGORY, "ENVIRONMENT", style=style)


def join_failures(reporter: Any) -> None:
    """Let the failures of the environment be among the others.

    The short summary knows no categories of other plugins. Each line in it has the word of its report.
    """
    own = reporter.stats.get(CATEGORY, [])
    if own:
        reporter.stats["failed"] = [*reporter.stats.get("failed", []), *own]


@contextmanager
def restored(reporter: Any) -> Iterator[None]:
    """Let the failures afterwards be those that there were: the last line counts each kind by itself."""
    before = reporter.stats.get("failed")
    try:
        yield
    finally:
        reporter.stats.pop("failed", None)
        if before is not None:
            reporter.stats["failed"] = before


@contextmanager
def body(item: pytest.Item) -> Iterator[None]:
    """Know reports that are made meanwhile as those of subtests."""
    item.stash[_IN_BODY] = True
    try:
        yield
    finally:
        del item.stash[_IN_BODY]


def after_subtests(item: pytest.Item, report: pytest.TestReport, *, void: bool) -> None:
    """Let the report of a test that passed, but for its subtests, be like theirs.

    :param void: whether the attempt is repeated, so that nothing in it counts.
    """
    if void:
        report.outcome = _RERUN  # type: ignore[assignment] # as pytest-rerunfailures has it
        setattr(report, _UNCOUNTED, True)
    elif report.passed and _IN_BODY not in item.stash and _is_of_the_environment(item):
        setattr(report, PROPERTY, str(item.stash[VERDICT]))
        report.outcome, report.longrepr = "failed", "a subtest failed"


def _is_of_the_environment(item: pytest.Item) -> bool:
    return VERDICT in item.stash and item.stash[VERDICT].environment
