"""Takes secrets out of a test's report before anybody shows it."""

from __future__ import annotations

from typing import Any

import pytest

from .redaction import Redactor


class OfSubtests:
    """A plugin that hides what is secret in reports of subtests.

    pytest adds what was printed, and the subtest's arguments, after all have seen the report being made.

    :param redactor: knows what is secret.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at a report before it is shown, or sent to another process."""
        context = getattr(report, "context", None)
        if context is None:
            return
        hide(report, self._redactor)
        for name in ("msg", "kwargs"):
            # It is frozen, and to make another one of it would quote its texts once more.
            object.__setattr__(context, name, self._redactor.everything(getattr(context, name, None)))


def hide(report: pytest.TestReport, redactor: Redactor) -> None:
    """Take secrets out of everything in a report that is text: traceback, captured output, properties."""
    report.sections = [(title, redactor.shown(text)) for title, text in report.sections]
    report.user_properties = [
        (redactor.shown(name), _property(value, redactor)) for name, value in report.user_properties
    ]
    if report.longrepr is not None:
        report.longrepr = _hidden(report.longrepr, redactor, set())
    if hasattr(report, "wasxfail"):
        report.wasxfail = redactor.shown(str(report.wasxfail))


def _property(value: Any, redactor: Redactor) -> Any:
    """Return the value of a property as it is, or without secrets: reports have it as text."""
    text = str(value)
    if redactor.shown(text) == text:
        return value
    return redactor.everything(value) if isinstance(value, list | tuple | dict) else redactor.shown(text)


def _hidden(value: Any, redactor: Redactor, met: set[int]) -> Any:
    """Return a part of a traceback without secrets; pytest's own objects are changed where they are."""
    if isinstance(value, str):
        return redactor.shown(value)
    if isinstance(value, tuple | list):
        return type(value)(_hidden(inner, redactor, met) for inner in value)
    if id(value) not in met and type(value).__module__.startswith("_pytest."):
        met.add(id(value))
        for name, inner in vars(value).items():
            setattr(value, name, _hidden(inner, redactor, met))
    return value
