"""Reads a bundle, and finds in it the command that the test failed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..session.evidence.record import Record
from ..session.evidence.schema import EVIDENCE, Devbox, Evidence, NotABundleError, load, load_transcript
from .errors import NoWayError

_SLACK = 0.02
"""Seconds between the end of a phase of a test, and the first that fixtures do after it."""


@dataclass(slots=True)
class Failure:
    """A failed test, and one of its devboxes.

    :param folder: the bundle.
    :param about: the devbox.
    :param records: what was done to it, in order; empty if that is not in the bundle.
    :param at: which of them is the command that the test failed at; `None` if there was no command.
    :param missing: what cannot be read of the bundle, in words.
    """

    folder: Path
    evidence: Evidence
    about: Devbox
    records: list[Record]
    at: int | None = None
    missing: list[str] = field(default_factory=list)

    @property
    def command(self) -> Record | None:
        """The command that the test failed at."""
        return None if self.at is None else self.records[self.at]


def read(given: Path, wanted: str | None = None) -> Failure:
    """Read a bundle.

    :param given: its folder, or a file in it.
    :param wanted: the id of the devbox that matters; by default that of the command that the test failed at.
    :raises NoWayError: if it is no bundle, or cannot be read, or no devbox is in it.
    """
    folder = given.parent if given.is_file() else given
    missing: list[str] = []
    try:
        evidence = load(folder)
        records = {about.id: _transcript(folder, about, missing) for about in evidence.devboxes}
    except NotABundleError as error:
        raise NoWayError(f"{error}{_what_are_bundles(folder)}") from None
    about = _devbox(evidence, records, wanted, folder)
    steps = records[about.id]
    return Failure(folder, evidence, about, steps, failing(steps, failed_at(evidence)), missing)


def _transcript(folder: Path, about: Devbox, missing: list[str]) -> list[Record]:
    """Read what was done to a devbox. Without that there may be its snapshot."""
    if about.transcript is None:
        return []
    if Path(about.transcript).name != about.transcript:
        raise NotABundleError(f"{folder} names a file outside of itself: {about.transcript!r:.80}")
    try:
        return sorted(load_transcript(folder, about), key=lambda record: record.at)
    except NotABundleError as error:
        missing.append(str(error))
        return []


def _what_are_bundles(folder: Path) -> str:
    """Say what is wanted, if a folder has no bundle in it."""
    if (folder / EVIDENCE).exists():
        return ""
    return (
        _others(folder)
        or ".\nBundles are the folders that pytest --runloop-artifacts=DIR makes for failed tests."
    )


def _others(folder: Path) -> str:
    """Say which bundles lie there, if it is the folder of a whole run."""
    try:
        found = sorted(path.parent for path in folder.glob(f"*/{EVIDENCE}"))
    except OSError:
        return ""
    shown = [f"\n  pytest-runloop repro {path}" for path in found[:10]]
    return "".join([".\nThese are bundles:", *shown]) if found else ""


def _devbox(evidence: Evidence, records: dict[str, list[Record]], wanted: str | None, folder: Path) -> Devbox:
    known = {about.id: about for about in evidence.devboxes}
    if not known:
        raise NoWayError(f"{evidence.test} used no devbox, says the bundle {folder}.")
    if wanted is not None and wanted not in known:
        raise NoWayError(f"There is no devbox {wanted!r} in the bundle, but: {', '.join(known)}.")
    if wanted is None:
        every = sorted((step.at, name, step) for name, steps in records.items() for step in steps)
        place = failing([step for _, _, step in every], failed_at(evidence))
        held = [about.id for about in evidence.devboxes if about.held]
        wanted = [*held, *known][0] if place is None else every[place][1]
    return known[wanted]


def failed_at(evidence: Evidence) -> float:
    """Return when the test had failed, in seconds since the epoch: what came after is cleaning up."""
    passed = 0.0
    for phase in evidence.phases:
        if not phase.name.startswith("subtest"):
            passed += phase.seconds
            if phase.outcome == "failed":
                return evidence.started + passed + _SLACK
    return float("inf")


def failing(records: Sequence[Record], until: float) -> int | None:
    """Return which command a test failed at: the last one that went wrong, else the last one.

    :param until: leave out what began later, unless that is everything.
    """
    commands = [place for place, record in enumerate(records) if record.what == "command"]
    before = [place for place in commands if records[place].at <= until] or commands
    wrong = [place for place in before if _wrong(records[place])]
    return (wrong or before)[-1] if before else None


def _wrong(record: Record) -> bool:
    if record.never_started:
        return True
    return record.exit_status != 0 if record.exit_status is not None else record.error is not None
