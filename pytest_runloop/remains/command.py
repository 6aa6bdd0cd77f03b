"""`pytest-runloop ps` and `pytest-runloop sweep`: they look, print, and say by their status how it went."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from ..contract.nearest import nearest
from ..session.state import state_path
from .census import Census, RunFound, take_census
from .output import FAILED, WRONG_USAGE, print_lines, refused
from .single import Singles, singles
from .sweep import Swept, end_devboxes, targets
from .sweep import sweep as sweep_runs
from .text import not_looked_at, plan_lines, ps_lines, swept_lines

_DRY = "Nothing was ended. Say --yes to end this."


def ps(*, as_json: bool = False) -> int:
    """Print the devboxes that live, by runs.

    :param as_json: as a JSON object.
    :return: the exit status: 1 if a server was to be asked and did not answer, else 0.
    """
    census = take_census(state_path())
    print_lines([_as_json(census)] if as_json else ps_lines(census))
    return FAILED if census.failed else 0


def _as_json(census: Census) -> str:
    return json.dumps({"version": 1, **asdict(census)}, indent=2, default=str)


def sweep(named: Sequence[str] = (), devboxes: Sequence[str] = (), *, really: bool = False) -> int:
    """End the devboxes of dead runs, or of the runs that are named, or single ones.

    :param named: ids of runs, whatever is known of them.
    :param devboxes: ids of devboxes. Of a run that lives one is ended only if the run is named, too, or if it
        is kept on purpose.
    :param really: do it, and do not only say what would be done.
    :return: the exit status: 0 if nothing is left, or all that would be ended was told; 1 if something was
        not confirmed to have ended or could not be looked at; 2 if a run or a devbox that is named is not
        known, or may not be ended.
    """
    state = state_path()
    census = take_census(state)
    unknown = [run for run in named if census.find(run) is None]
    if unknown:
        return _refused([_no_run(run, census) for run in unknown], census)
    if devboxes:
        return _single(census, singles(census, devboxes, named, state), really=really)
    found = targets(census, named)
    return _sweep(census, sweep_runs(state, found)) if really else _plan(census, found)


def _single(census: Census, about: Singles, *, really: bool) -> int:
    if about.refused:
        return _refused(about.refused, census)
    print_lines(about.over)
    if not about.runs:
        return 0
    if not really:
        print_lines([*plan_lines(about.runs), _DRY])
        return 0
    if _ended(end_devboxes(about.runs)):
        return 0
    print_lines(not_looked_at(census))
    return FAILED


def _plan(census: Census, found: Sequence[RunFound]) -> int:
    print_lines(plan_lines(found))
    print_lines(_rest(census, "" if found else "Nothing to end."))
    if found:
        print_lines([_DRY])
    return FAILED if census.failed else 0


def _sweep(census: Census, outcomes: Iterable[Swept]) -> int:
    clean = _ended(outcomes)
    print_lines(_rest(census))
    return 0 if clean and not census.failed else FAILED


def _ended(outcomes: Iterable[Swept]) -> bool:
    """Say what became of runs; tell whether nothing is left of them."""
    clean, ended, open_ends = True, 0, 0
    for swept in outcomes:
        print_lines(swept_lines(swept))
        clean = clean and swept.clean
        ended += len(swept.ended)
        open_ends += len(swept.unconfirmed)
    print_lines([f"{ended} ended, {open_ends} not confirmed."])
    return clean


def _rest(census: Census, told: str = "") -> Iterable[str]:
    """Say what was not done, and how it can be."""
    yield from filter(None, [told])
    yield from not_looked_at(census)
    elsewhere = [run for run in census.runs if run.fate == "unknown"]
    if elsewhere:
        yield (
            f"{len(elsewhere)} further run(s) of this account are none of this machine's and may live "
            "elsewhere: `pytest-runloop ps` lists them. They are ended only by name."
        )


def _refused(why: Iterable[str], census: Census) -> int:
    return refused("sweep", why, FAILED if census.failed else WRONG_USAGE)


def _no_run(run: str, census: Census) -> str:
    near = nearest(run, [known.id for known in census.runs])
    asked = "".join(f", nor does {place} list a living devbox of it" for place in census.asked)
    lines = [f"there is no run {run!r} in the state directory {state_path()}{asked}{near}"]
    return "\n".join([*lines, *not_looked_at(census)])
