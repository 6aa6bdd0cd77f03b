"""What a test must not pass with: a devbox that died under it, a failed command that nobody looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from . import ends
from .verdict import Kind, Verdict

if TYPE_CHECKING:
    from ...contract.views.devboxes import DevboxView
    from ..evidence.record import Record

_SHOWN = 5
_LONGEST = 200


def on_dead_devboxes(ended: Mapping[str, DevboxView], known: Mapping[str, ends.Known]) -> Verdict | None:
    """Return the verdict on a test that passed, if a devbox of it was dead at its end.

    :param ended: those that had ended.
    :param known: what the run knows of each.
    """
    deaths = [ends.death(view, known[devbox]) for devbox, view in ended.items() if devbox in known]
    texts = [death.text for death in deaths if death is not None]
    return Verdict(Kind.DEVBOX_DIED, tuple(texts)) if texts else None


def told_death(verdict: Verdict) -> str:
    """Return the text of the error that a test then has."""
    return (
        f"The test passed, but a devbox that it used was dead by then. {' '.join(verdict.evidence)}\n"
        "What it saw last may not be what its code does: run it again."
    )


def unseen(records: Iterable[Record]) -> list[Record]:
    """Return the commands that failed, and of which nobody asked how they ended.

    One that the test killed or interrupted ended as it was to.
    """
    done = list(records)
    stopped = {record.execution for record in done if _stops(record)}
    return [
        record
        for record in done
        if record.what == "command"
        and record.exit_status not in (0, None)
        and not record.looked_at
        and record.execution not in stopped
    ]


def _stops(record: Record) -> bool:
    return record.what == "kill" or record.params.get("signal") == "INTERRUPT"


def told_unseen(failed: list[Record], flag: str) -> str:
    """Return the text of the error that a test has with such commands.

    :param flag: the option that asks for it.
    """
    lines = [f"  exit status {record.exit_status}: {_short(record.command)}" for record in failed[:_SHOWN]]
    more = [f"  and {len(failed) - _SHOWN} more"] if len(failed) > _SHOWN else []
    return "\n".join(
        [
            f"The test passed, but nobody looked at the exit status of a command that failed ({flag}):",
            *lines,
            *more,
            "Call check() on its result, or look at its exit_code.",
        ]
    )


def _short(command: str | None) -> str:
    text = " ".join((command or "").split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
