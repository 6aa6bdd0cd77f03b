"""Finds the server that a devbox is on: a local backend of this machine's runs, or the account."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..session import backend
from ..session.choice import KEY
from ..session.run import known_runs
from .errors import UnknownDevboxError

if TYPE_CHECKING:
    from .. import Devbox, Runloop
    from ..contract.views.devboxes import DevboxView


@dataclass(slots=True)
class Found:
    """A devbox on the server that knows it.

    :param where: the server, in words.
    :param view: the devbox, as that server saw it just now.
    """

    client: Runloop
    devbox: Devbox
    view: DevboxView
    where: str


@contextlib.contextmanager
def found(devbox: str, state: Path) -> Iterator[Found]:
    """Give a devbox by its id, wherever it is.

    :param state: the state directory; nothing is written there.
    :raises UnknownDevboxError: if no server knows it, with who was asked.
    """
    asked: list[str] = []
    for where, connect in _servers(state):
        client = _connected(where, connect, asked)
        if client is None:
            continue
        with contextlib.closing(client):
            view = _view(client, devbox, where, asked)
            if view is not None:
                yield Found(client, client.devbox.from_id(devbox), view, where)
                return
    _unasked(state, asked)
    raise UnknownDevboxError(devbox, asked)


def _servers(state: Path) -> Iterator[tuple[str, Callable[[], Runloop | None]]]:
    """Yield the servers that may know it, the local ones first: they answer at once."""
    for path, _ in known_runs(state).items():
        if (path / "backend.json").exists():

            def connect(path: Path = path) -> Runloop | None:
                return backend.client_of_local_run(path, quick=False)

            yield f"the local backend of run {path.name}", connect
    if os.environ.get(KEY):
        where = os.environ.get("RUNLOOP_BASE_URL") or "Runloop's cloud"
        yield where, lambda: backend.client_of_account(quick=False)


def _connected(where: str, connect: Callable[[], Runloop | None], asked: list[str]) -> Runloop | None:
    try:
        client = connect()
    except (ValueError, TypeError, KeyError, OSError) as error:
        asked.append(f"{where} cannot be asked: {_line(error)}")
        return None
    if client is None:
        asked.append(f"{where} has ended, and its devboxes with it")
    return client


def _view(client: Runloop, devbox: str, where: str, asked: list[str]) -> DevboxView | None:
    from ..client.errors import APIStatusError, RunloopError

    try:
        return client.devbox.from_id(devbox).get_info(timeout=10.0)
    except APIStatusError as error:
        unknown = error.status_code in (400, 404)
        asked.append(f"{where} does not know it" if unknown else f"{where}: {_line(error)}")
    except RunloopError as error:
        asked.append(f"{where}: {_line(error)}")
    return None


def _unasked(state: Path, asked: list[str]) -> None:
    """Add who was not asked, and why."""
    if not os.environ.get(KEY):
        asked.append(f"the account was not asked, because {KEY} is not set")
    if not any("local backend" in line for line in asked):
        asked.insert(0, f"no run with a local backend is in {state}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
