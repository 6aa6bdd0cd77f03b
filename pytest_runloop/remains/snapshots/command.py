"""`pytest-runloop snapshots`: lists what runs left, and deletes what is chosen when it is told to."""

from __future__ import annotations

import json
from dataclasses import asdict

from ...session.state import state_path
from ..output import FAILED, WRONG_USAGE, print_lines, refused
from .choice import Choice
from .found import Found
from .prune import UnknownSnapshotsError, snapshots
from .text import lines, not_looked_at


def command(choice: Choice, *, really: bool, as_json: bool) -> int:
    """List the snapshots that runs left, or delete those that are chosen.

    :param choice: which ones.
    :param really: delete them, and do not only say which.
    :param as_json: print a JSON object.
    :return: the exit status: 1 if a server did not answer or a snapshot that was chosen was not deleted, 2 if
        nothing was chosen to be deleted, or an id that is none of a run's snapshots, else 0.
    """
    wrong = _wrong(choice, really=really)
    if wrong:
        return refused("snapshots", [wrong])
    try:
        found = snapshots(state_path(), choice, really=really)
        print_lines([_as_json(found)] if as_json else lines(found, choice, really=really))
    except UnknownSnapshotsError as error:
        why = [*error.problems, *not_looked_at(error.found)]
        return refused("snapshots", why, FAILED if error.found.failed else WRONG_USAGE)
    undone = really and any(left.chosen and not left.deleted for left in found.snapshots)
    return FAILED if found.failed or undone else 0


def _wrong(choice: Choice, *, really: bool) -> str | None:
    """Say what is wrong about a choice."""
    if really and choice.empty:
        return "--yes deletes; say which: an ID, --older 7d, --keep-last 1, --test PATTERN"
    if choice.ids and choice.by_kind:
        return "give either ids, or --older, --keep-last and --test: an id says all"
    if choice.test == "":
        return "--test is empty, which would be every test"
    return None


def _as_json(found: Found) -> str:
    return json.dumps({"version": 1, **asdict(found)}, indent=2)
