"""The doctor as a command: looks at everything, prints the report, and says by its status if all is well."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from ..session.choice import KEY
from ..session.preview import Preview, preview
from .isolation import examine_isolation
from .machine import examine_machine
from .programs import examine_programs
from .report import Isolation, Problem, Report, State
from .state import examine_state
from .text import as_text

T = TypeVar("T")
_NO_RUN = Preview("local", "nothing could be read", False, None, "auto", "the default")

_NO_STATE: tuple[State, list[Problem]] = (
    State("unknown"),
    [Problem("the state directory could not be looked at", fatal=True)],
)


def doctor(isolation: str | None = None, state_dir: Path | None = None, *, as_json: bool = False) -> int:
    """Print what a run here would get, what is missing and how to get it.

    :param isolation: what must be had: `auto` or a tier; `None` is what a run here asks for.
    :param state_dir: where state lies, or will lie; `None` is the place that a run takes.
    :param as_json: print a `Report` as JSON instead of text.
    :return: the exit status: 0 if what is asked for can be had, 1 if not.
    """
    report = examine(isolation, state_dir)
    _print(json.dumps(asdict(report), indent=2) + "\n" if as_json else as_text(report))
    return 0 if report.ready else 1


def examine(isolation: str | None = None, state_dir: Path | None = None) -> Report:
    """Return what there is to say. Parameters are those of `doctor`."""
    problems: list[Problem] = []
    run = _or_problem(preview, _NO_RUN, problems)
    if run.problem:
        problems.append(Problem(f"a run here would not start: {run.problem}", fatal=True))
    state, wrong = _or_problem(lambda: examine_state(state_dir), _NO_STATE, problems)
    place = None if any(problem.fatal for problem in wrong) else Path(state.path)
    asked = isolation or run.isolation
    found = _or_problem(lambda: examine_isolation(asked, place), Isolation(asked), problems)
    judged = "local" if isolation else run.backend
    problems += [*wrong, *(_missing_key(run) if judged == "cloud" else _missing_isolation(found))]
    ready = not any(problem.fatal for problem in problems)
    problems.sort(key=lambda problem: not problem.fatal)
    return Report(ready, judged, examine_machine(), run, found, examine_programs(), state, problems)


def _or_problem(look: Callable[[], T], otherwise: T, problems: list[Problem]) -> T:
    """Return what a look gives. Where it breaks, that is one more thing to report: the rest goes on."""
    try:
        return look()
    except Exception as error:
        problems.append(Problem(f"a look failed: {type(error).__name__}: {error}", fatal=True))
        return otherwise


def _missing_key(run: Preview) -> list[Problem]:
    if run.api_key_set:
        return []
    remedy = f"set {KEY}, or run with `--runloop-backend=local`, which needs none"
    return [Problem(f"the backend is the cloud, and {KEY} is not set", remedy, fatal=True)]


def _missing_isolation(found: Isolation) -> list[Problem]:
    if found.tier is not None:
        return []
    passed_over = next((tier for tier in found.tiers if found.asked in ("auto", tier.tier)), None)
    remedy = passed_over.remedy if passed_over else ""
    return [Problem(f"isolation `{found.asked}` cannot be had here", remedy, fatal=True)]


def _print(text: str) -> None:
    try:
        sys.stdout.buffer.write(text.encode("ascii", "backslashreplace"))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has enough. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
