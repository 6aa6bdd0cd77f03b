"""What a failed test's report says about its devboxes: short, and where every reporter shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from . import text
from .record import Record
from .schema import Devbox, Evidence

DEVBOXES = 3
"""How many devboxes of a test get sections."""
_LOG = 3

# pytest shows sections of a teardown that passed if their title says "teardown", and junit's `system-out`
# takes those whose title begins like this.
_TITLE = "Captured stdout teardown: devbox"


def sections(
    evidence: Evidence, records: Mapping[str, Sequence[Record]], folder: Path | None, trouble: str | None
) -> list[tuple[str, str]]:
    """Return the sections: what was done to each devbox last, and what it is like.

    :param records: what was done to each devbox, by its id.
    :param folder: where all of it is, if it was written.
    :param trouble: why it was not, though it should have been.
    """
    made = []
    for about in evidence.devboxes[:DEVBOXES]:
        done = [record for record in records[about.id] if about.held or record.at >= evidence.started]
        if done:
            steps = text.steps(done, evidence.started, last=text.STEPS)
            made.append((f"{_TITLE} {about.id}, what was done to it last", "\n".join(steps)))
        made.append((f"{_TITLE} {about.id}, as it was then", "\n".join(_state(about))))
    rest = [*_more(evidence), *_where(folder, trouble)]
    if rest and made:
        made[-1] = (made[-1][0], "\n".join([made[-1][1], *rest]))
    return [(title, content + "\n") for title, content in made]


def _state(about: Devbox) -> Iterator[str]:
    yield from (line[: 2 * text.WIDTH] for line in text.facts(about))
    if about.logs and about.status != "running":
        yield from (f"log        {line[: text.WIDTH]}" for line in about.logs[-_LOG:])


def _more(evidence: Evidence) -> Iterator[str]:
    left = len(evidence.devboxes) - DEVBOXES
    if left > 0:
        yield f"and {left} more devboxes"


def _where(folder: Path | None, trouble: str | None) -> Iterator[str]:
    if folder is not None:
        yield f"all of it  {folder}"
    if trouble is not None:
        yield trouble
