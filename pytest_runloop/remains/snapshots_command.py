"""`pytest-runloop snapshots`: lists what runs left, and deletes what is chosen when it is told to."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict

from ..session.state import state_path
from .output import print_lines
from .snapshots import Choice, Found, Left, snapshots
from .text import clock, counted, printable

FAILED, WRONG_USAGE = 1, 2


def command(choice: Choice, *, really: bool, as_json: bool) -> int:
    """List the snapshots that runs left, or delete those that are chosen.

    :param choice: which ones.
    :param really: delete them, and do not only say which.
    :param as_json: print a JSON object.
    :return: the exit status: 1 if a server did not answer or a snapshot was not deleted, 2 if nothing was
        chosen to be deleted, else 0.
    """
    if really and choice.empty:
        print(
            "pytest-runloop snapshots: --yes deletes; say which: --older 7d, --keep-last 1, --test PATTERN",
            file=sys.stderr,
        )
        return WRONG_USAGE
    try:
        found = snapshots(state_path(), choice, really=really)
        print_lines([_as_json(found)] if as_json else _lines(found, choice, really=really))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    refused = really and any(left.refused for left in found.snapshots)
    return FAILED if found.failed or refused else 0


def _as_json(found: Found) -> str:
    return json.dumps({"version": 1, **asdict(found)}, indent=2)


def _lines(found: Found, choice: Choice, *, really: bool) -> Iterator[str]:
    for left in found.snapshots:
        if left.chosen or choice.empty:
            yield f"{_fate(left, really=really)}{_line(left)}"
        if left.refused:
            yield f"    not deleted: {printable(left.refused)}"
    yield _total(found, choice)
    yield from (f"Not looked at: {printable(reason)}" for reason in found.unasked)
    if not really and any(left.chosen for left in found.snapshots):
        yield "Nothing was deleted. Say --yes to delete this."


def _fate(left: Left, *, really: bool) -> str:
    if not left.chosen or left.refused:
        return ""
    return "deleted " if really else "would delete "


def _line(left: Left) -> str:
    size = "" if left.size_bytes is None else f", {left.size_bytes / 1_000_000:.1f} MB"
    why = f", {left.exception}" if left.exception else ""
    commit = f", commit {left.commit[:12]}" if left.commit else ""
    return printable(f"{left.id} {clock(left.created_ms)}{size}{why}{commit}: {left.test} ({left.where})")


def _total(found: Found, choice: Choice) -> str:
    told = f"{counted(len(found.snapshots), 'snapshot', 'snapshots')} of runs"
    if choice.empty:
        return told
    chosen = sum(left.chosen for left in found.snapshots)
    deleted = sum(left.deleted for left in found.snapshots)
    return f"{told}, {chosen} chosen, {deleted} deleted"
