"""`@pytest.mark.devbox`: registered, read, and checked while tests are collected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .spec import Spec

NAME = "devbox"
DESCRIPTION = (
    "devbox(blueprint=NAME | blueprint_id=ID | snapshot=ID, **parameters): what the test's devbox is made "
    "from. Any parameter of the API's create call is allowed, such as environment_variables, file_mounts, "
    "launch_parameters or secrets. On a function, class or module; the nearest wins, merged over the fixture "
    "devbox_defaults."
)


def of(node: pytest.Item) -> list[Spec]:
    """Return the arguments of a test's markers, the nearest last."""
    return [mark.kwargs for mark in reversed(list(node.iter_markers(NAME)))]


def refuse_wrong(collector: pytest.Collector, report: pytest.CollectReport) -> None:
    """Turn a collection that met wrong markers into one readable error.

    The markers of a class or module are looked at with what it collected, each of them once.
    """
    if report.outcome != "passed":
        return
    complaints = [text for node in (collector, *report.result) for text in _complaints(node)]
    if complaints:
        report.outcome = "failed"
        report.longrepr = "\n".join(dict.fromkeys(complaints))
        report.result = []


def _complaints(node: pytest.Item | pytest.Collector) -> Iterator[str]:
    if isinstance(node, pytest.Class):
        _ = node.obj  # a class gets its markers when it is looked at first
    for mark in node.own_markers:
        if mark.name == NAME:
            wrong = _wrong_with(mark)
            if wrong:
                yield f"{_place(node, mark)}: @pytest.mark.{NAME}: " + "; ".join(wrong)


def _wrong_with(mark: pytest.Mark) -> list[str]:
    if mark.args:
        given = ", ".join(repr(argument) for argument in mark.args)
        hint = f"; did you mean blueprint={mark.args[0]!r}?" if isinstance(mark.args[0], str) else ""
        return [f"takes keyword arguments only, not {given}{hint}"]
    from . import spec  # with it comes pydantic: only for tests that have a marker

    return spec.problems(mark.kwargs)


def _place(node: pytest.Collector | pytest.Item, mark: pytest.Mark) -> str:
    """Say where a marker stands: file and line, and which test or class it belongs to."""
    if isinstance(node, pytest.Item):
        file, line, name = node.location
        return f"{file}:{(line or 0) + 1} ({name})"
    if isinstance(node, pytest.Class):
        path, line, _ = node.reportinfo()
        return f"{_relative(node, Path(path))}:{(line or 0) + 1} ({node.name})"
    return f"{_relative(node, node.path)}:{_line_of_pytestmark(node.path)}"


def _relative(node: pytest.Collector, path: Path) -> Path:
    root = node.config.rootpath
    return path.relative_to(root) if path.is_relative_to(root) else path


def _line_of_pytestmark(path: Path) -> int:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # a package's marker is in its __init__.py, its path is the folder
        return 1
    return next((number for number, line in enumerate(lines, 1) if line.startswith("pytestmark")), 1)
