"""`pytest-runloop ps` and `pytest-runloop sweep`: they look, print, and say by their status how it went."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from ..contract.nearest import nearest
from ..session.state import state_path
from .census import Census, RunFound, take_census
from .output import print_lines
from .sweep import Swept, end_devboxes, of_devboxes, targets
from .sweep import sweep as sweep_runs
from .text import not_looked_at, plan_lines, ps_lines, swept_lines

FAILED, WRONG_USAGE = 1, 2


def ps(*, as_json: bool = False) -> int:
    """Print the devboxes that live, by runs.

    :param as_json: as a JSON object.
    :return: the exit status: 1 if a server was to be asked and did not answer, else 0.
    """
    try:
        census = take_census(state_path())
        print_lines([_as_json(census)] if as_json else ps_lines(census))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return FAILED if census.failed else 0


def _as_json(census: Census) -> str:
    return json.dumps({"version": 1, **asdict(census)}, indent=2, default=str)


def sweep(named: Sequence[str] = (), devboxes: Sequence[str] = (), *, really: bool = False) -> int:
    """End the devboxes of dead runs, or of the runs that are named, or single ones.

    :param named: ids of runs, whatever is known of them.
    :param devboxes: ids of devboxes, whatever is known of their runs.
    :param really: do it, and do not only say what would be done.
    :return: the exit status: 0 if nothing is left, or all that would be ended was told; 1 if something was
        not confirmed to have ended or could not be looked at; 2 if a run that is named is not known.
    """
    try:
        state = state_path()
        census = take_census(state)
        unknown = [run for run in named if census.find(run) is None]
        if unknown:
            return _refused(unknown, census)
        lost = [devbox for devbox in devboxes if census.having(devbox) is None]
        if lost:
            return _no_devbox(lost, census)
        found = of_devboxes(census, devboxes) if devboxes else targets(census, named)
        if not really:
            return _plan(census, found)
        return _sweep(census, end_devboxes(found) if devboxes else sweep_runs(state, found))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _plan(census: Census, found: Sequence[RunFound]) -> int:
    print_lines(plan_lines(found))
    print_lines(_rest(census, "" if found else "Nothing to end."))
    if found:
        print_lines(["Nothing was ended. Say --yes to end this."])
    return FAILED if census.failed else 0


def _sweep(census: Census, outcomes: Iterable[Swept]) -> int:
    clean, ended, open_ends = True, 0, 0
    for swept in outcomes:
        print_lines(swept_lines(swept))
        clean = clean and swept.clean
        ended += len(swept.ended)
        open_ends += len(swept.unconfirmed)
    print_lines(_rest(census, f"{ended} ended, {open_ends} not confirmed."))
    return 0 if clean and not census.failed else FAILED


def _rest(census: Census, told: str) -> Iterable[str]:
    """Say what was not done, and how it can be."""
    yield from filter(None, [told])
    yield from not_looked_at(census)
    elsewhere = [run for run in census.runs if run.fate == "unknown"]
    if elsewhere:
        yield (
            f"{len(elsewhere)} further run(s) of this account are none of this machine's and may live "
            "elsewhere: `pytest-runloop ps` lists them. They are ended only by name."
        )


def _refused(unknown: Sequence[str], census: Census) -> int:
    known = [run.id for run in census.runs]
    for run in unknown:
        where = "the state directory " + str(state_path())
        asked = "".join(f", nor does {place} list a living devbox of it" for place in census.asked)
        print(
            f"pytest-runloop sweep: there is no run {run!r} in {where}{asked}{nearest(run, known)}",
            file=sys.stderr,
        )
    for line in not_looked_at(census):
        print(line, file=sys.stderr)
    return WRONG_USAGE


def _no_devbox(lost: Sequence[str], census: Census) -> int:
    known = [box.id for run in census.runs for box in run.devboxes if box.id]
    for devbox in lost:
        near = nearest(devbox, known)
        print(f"pytest-runloop sweep: no run has a living devbox {devbox!r}{near}", file=sys.stderr)
    for line in not_looked_at(census):
        print(line, file=sys.stderr)
    return WRONG_USAGE
