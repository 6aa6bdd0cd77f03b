"""Takes secrets out of a test's report before anybody shows it."""

from __future__ import annotations

from typing import Any

import pytest

from .redaction import Redactor


def hide(report: pytest.TestReport, redactor: Redactor) -> None:
    """Take secrets out of everything in a report that is text: traceback, captured output, properties."""
    report.sections = [(title, redactor.shown(text)) for title, text in report.sections]
    report.user_properties = [
        (name, redactor.shown(value) if isinstance(value, str) else value)
        for name, value in report.user_properties
    ]
    if report.longrepr is not None:
        report.longrepr = _hidden(report.longrepr, redactor, set())


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
