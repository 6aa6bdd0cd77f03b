"""What stands on snapshots, so that they are not deleted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...session import backend
from ...session.requests import listed, living
from ...session.run import known_runs
from ..census import LOCAL
from .found import Left

if TYPE_CHECKING:
    from ... import Runloop

_Needs = Iterator[tuple[str, str]]
"""Ids of snapshots, each with what needs it."""


def refuse_needed(client: Runloop, where: str, state: Path, chosen: Sequence[Left]) -> None:
    """Say of those that something stands on, or whose run lives, what that is.

    :param client: of the server that they are on.
    :param where: that server.
    :param state: the state directory.
    """
    if not chosen:
        return
    runs = known_runs(state)
    alive = {path.name for path, lives in runs.items() if lives}
    needed = {**dict(_by_scenarios(client)), **dict(_by_devboxes(client))}
    for path in runs if where == LOCAL else ():
        needed |= dict(_by_devboxes_of_run(path))
    for left in chosen:
        of_living = f"run {left.run}, which took it, lives" if left.run in alive else ""
        left.refused = needed.get(left.id, of_living)


def _by_scenarios(client: Runloop) -> _Needs:
    from ...contract.endpoints import scenarios

    for view in listed(client, scenarios.LIST):
        if view.environment is not None and view.environment.snapshot_id:
            yield view.environment.snapshot_id, f"scenario {view.id} ({view.name}) starts from it"


def _by_devboxes(client: Runloop) -> _Needs:
    for view in living(client):
        if view.snapshot_id:
            yield view.snapshot_id, f"devbox {view.id}, which is {view.status}, started from it"


def _by_devboxes_of_run(path: Path) -> _Needs:
    client = backend.client_of_local_run(path)
    if client is not None:
        with contextlib.closing(client):
            yield from _by_devboxes(client)
