"""The snapshots that runs left, in words."""

from __future__ import annotations

from collections.abc import Iterator

from ..text import clock, counted, printable
from .choice import Choice
from .found import Found, Left


def lines(found: Found, choice: Choice, *, really: bool) -> Iterator[str]:
    """Say what is there, or what becomes of what the user speaks of.

    :param really: whether it was deleted, and not only chosen.
    """
    for left in found.snapshots:
        if choice.meant(left):
            yield from _about(left, choice, really=really)
    yield _total(found, choice)
    yield from not_looked_at(found)
    if not really and any(left.chosen and not left.refused for left in found.snapshots):
        yield "Nothing was deleted. Say --yes to delete this."


def not_looked_at(found: Found) -> Iterator[str]:
    """Say what is not known."""
    return (f"Not looked at: {printable(reason)}" for reason in found.unasked)


def _about(left: Left, choice: Choice, *, really: bool) -> Iterator[str]:
    if choice.empty:
        yield _line(left)
    elif left.kept or left.refused:
        yield f"kept {_line(left)}\n    because {printable(left.kept or left.refused)}"
    elif really and not left.deleted:
        yield f"NOT DELETED {_line(left)}"
    else:
        yield f"{'deleted' if really else 'would delete'} {_line(left)}"


def _line(left: Left) -> str:
    size = "" if left.size_bytes is None else f", {_size(left.size_bytes)}"
    why = f", {left.exception}" if left.exception else ""
    commit = f", commit {left.commit[:12]}" if left.commit else ""
    return printable(f"{left.id} {clock(left.created_ms)}{size}{why}{commit}: {left.test} ({left.where})")


def _size(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB" if count >= 100_000 else f"{count / 1000:.1f} kB"


def _total(found: Found, choice: Choice) -> str:
    told = f"{counted(len(found.snapshots), 'snapshot', 'snapshots')} of runs"
    if choice.empty:
        return told
    chosen = sum(left.chosen for left in found.snapshots)
    deleted = sum(left.deleted for left in found.snapshots)
    return f"{told}, {chosen} chosen, {deleted} deleted"
