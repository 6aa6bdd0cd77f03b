"""Repeats a test whose failure is the environment's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from .verdict import VERDICT

_ATTEMPT = pytest.StashKey[int]()
_VOID = pytest.StashKey[bool]()


class Again:
    """Decides which attempts do not count.

    :param most: how often a test may be repeated.
    """

    def __init__(self, most: int) -> None:
        self._most = most

    def void(self, item: pytest.Item, report: pytest.TestReport) -> bool:
        """Let a failed report be one of an attempt that is repeated, if it is to be.

        From the first such failure on, the attempt does not count, whatever else fails in it.

        :return: whether the report is that failure.
        """
        if not report.failed:
            return False
        first = not item.stash.get(_VOID, False)
        if first and not self._may_repeat(item):
            return False
        item.stash[_VOID] = True
        report.outcome = "rerun"  # type: ignore[assignment] # as pytest-rerunfailures has it, and the next
        vars(report)["rerun"] = item.stash.get(_ATTEMPT, 0)
        return first

    def _may_repeat(self, item: pytest.Item) -> bool:
        session, option = item.session, item.config.option
        stopping = session.shouldstop or session.shouldfail or getattr(option, "usepdb", False)
        attempts = item.stash.get(_ATTEMPT, 0)
        return not stopping and attempts < self._most and item.stash[VERDICT].environment

    @contextlib.contextmanager
    def keeping_others(self, item: pytest.Item) -> Iterator[None]:
        """Let the teardown of an attempt that is repeated leave all fixtures alone but the test's own.

        pytest tears down what the next test does not need, and knows nothing of a repetition.
        """
        stack = item.session._setupstate.stack
        others = {node: stack.pop(node) for node in list(stack) if node is not item} if is_void(item) else {}
        try:
            yield
        finally:
            stack.update(others)

    def next_attempt(self, item: pytest.Item) -> bool:
        """Tell whether a test is to run once more, and make it ready for that."""
        if not item.stash.get(_VOID, False):
            item.stash.setdefault(_ATTEMPT, 0)
            return False
        del item.stash[_VOID]
        item.stash[_ATTEMPT] = item.stash.get(_ATTEMPT, 0) + 1
        _forget_failed_fixtures(item)
        _forget_instance(item)
        return True


def is_void(item: pytest.Item) -> bool:
    """Tell whether the present attempt of a test does not count."""
    return item.stash.get(_VOID, False)


def _forget_failed_fixtures(item: pytest.Item) -> None:
    """Let wider fixtures that failed be set up anew: pytest would only repeat their error."""
    fixtures: Any = getattr(item, "_fixtureinfo", None)
    for definitions in getattr(fixtures, "name2fixturedefs", {}).values():
        for definition in definitions:
            cached = definition.cached_result
            if cached is not None and cached[2] is not None:
                definition.cached_result = None
                definition._finalizers.clear()


def _forget_instance(item: pytest.Item) -> None:
    """Give the next attempt an object of the test's class of its own."""
    if getattr(item, "_instance", None) is not None:
        del item._instance  # type: ignore[attr-defined]
        item._obj = None  # type: ignore[attr-defined]
