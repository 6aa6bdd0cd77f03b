"""What there is of snapshots that runs left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...session.evidence.provenance import COMMIT_KEY, EXCEPTION_KEY
from ...session.ledger import RUN_KEY, TEST_KEY

if TYPE_CHECKING:
    from ...contract.views.snapshots import DevboxSnapshotView


@dataclass(slots=True)
class Left:
    """A snapshot that a run left.

    :param where: the server that has it.
    :param chosen: whether it is to be deleted.
    :param kept: why it is not, if others are.
    :param deleted: whether it was deleted.
    :param refused: why it was not although it was chosen, or will not be.
    """

    id: str
    where: str
    test: str
    run: str
    created_ms: int
    size_bytes: int | None
    commit: str | None
    exception: str | None
    chosen: bool = False
    kept: str = ""
    deleted: bool = False
    refused: str = ""


@dataclass(slots=True)
class Found:
    """All that was found.

    :param unasked: what could not be asked, each with the reason.
    :param failed: whether one of these is a failure, and not only a matter of what is set up here.
    """

    snapshots: list[Left] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    failed: bool = False

    def miss(self, where: str, error: Exception) -> None:
        """Note that a server did not tell what was asked of it."""
        self.unasked.append(f"{where}: {' '.join(str(error).split())}")
        self.failed = True


def left_by_run(where: str, view: DevboxSnapshotView) -> Left | None:
    """Return what a server says of a snapshot, if a run took it: then it has the metadata that runs give."""
    about = view.metadata
    if not {RUN_KEY, TEST_KEY} <= about.keys():
        return None
    return Left(
        view.id,
        where,
        about[TEST_KEY],
        about[RUN_KEY],
        view.create_time_ms,
        view.size_bytes,
        about.get(COMMIT_KEY),
        about.get(EXCEPTION_KEY),
    )
