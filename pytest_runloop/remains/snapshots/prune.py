"""Finds the snapshots that runs left, and deletes chosen ones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ...contract.nearest import nearest
from ...session.choice import KEY
from ...session.errors import StopRunError
from ...session.requests import listed
from .choice import Choice
from .found import Found, Left, left_by_run
from .needed import refuse_needed
from .places import Connect, places

if TYPE_CHECKING:
    from ... import Runloop

T = TypeVar("T")


class UnknownSnapshotsError(Exception):
    """Some ids are none of snapshots that runs left.

    :param found: what was found.
    :param problems: of each id, what is wrong with it.
    """

    def __init__(self, found: Found, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.found = found
        self.problems = problems


@dataclass(slots=True)
class _Place:
    """A server, and what it has.

    :param others: ids of snapshots that no run took.
    """

    where: str
    client: Runloop
    here: list[Left] = field(default_factory=list)
    others: set[str] = field(default_factory=set)

    def look(self) -> None:
        """List the snapshots, newest first."""
        from ...contract.endpoints import snapshots as endpoints

        for view in listed(self.client, endpoints.LIST):
            left = left_by_run(self.where, view)
            if left is None:
                self.others.add(view.id)
            else:
                self.here.append(left)


def snapshots(state: Path, choice: Choice, *, really: bool) -> Found:
    """Find the snapshots that runs left, and delete those that are chosen.

    :param state: the state directory.
    :param really: delete them, and do not only say which.
    :raises UnknownSnapshotsError: if ids are chosen that no run's snapshot has. Nothing is deleted then.
    """
    found = Found()
    with ExitStack() as stack:
        asked = list(_asked(state, found, stack))
        if not os.environ.get(KEY):
            found.unasked.append(f"the account, because {KEY} is not set")
        for place in asked:
            choice.apply(place.here, time.time())
            found.snapshots += place.here
        _refuse_unknown(choice, found, asked)
        for place in asked:
            _try(found, place.where, partial(_prune, place, state, really=really))
    return found


def _asked(state: Path, found: Found, stack: ExitStack) -> Iterator[_Place]:
    for where, connect in places(state):
        place = _try(found, where, partial(_looked_at, where, connect, stack))
        if place is not None:
            yield place


def _looked_at(where: str, connect: Connect, stack: ExitStack) -> _Place:
    place = _Place(where, stack.enter_context(connect()))
    place.look()
    return place


def _try(found: Found, where: str, work: Callable[[], T]) -> T | None:
    from ...client.errors import RunloopError

    try:
        return work()
    except (RunloopError, StopRunError, OSError, ValueError) as error:
        found.miss(where, error)
        return None


def _refuse_unknown(choice: Choice, found: Found, asked: Sequence[_Place]) -> None:
    known = [left.id for left in found.snapshots]
    others = set[str]().union(*(place.others for place in asked))
    problems = [
        f"snapshot {one} was not taken by a run of pytest"
        if one in others
        else f"no run left a snapshot {one!r}{nearest(one, known)}"
        for one in dict.fromkeys(choice.ids)
        if one not in known
    ]
    if problems:
        raise UnknownSnapshotsError(found, problems)


def _prune(place: _Place, state: Path, *, really: bool) -> None:
    chosen = [left for left in place.here if left.chosen]
    refuse_needed(place.client, place.where, state, chosen)
    if really:
        _delete(place.client, [left for left in chosen if not left.refused])


def _delete(client: Runloop, chosen: Sequence[Left]) -> None:
    from ...client.errors import RunloopError

    for left in chosen:
        try:
            client.snapshot.from_id(left.id).delete()
            left.deleted = True
        except RunloopError as error:
            left.refused = " ".join(str(error).split())
