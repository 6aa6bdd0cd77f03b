"""A process of a run that lends one devbox and takes it back, with a service at the other end of a pipe."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pytest_runloop.contract.endpoints import devboxes, local_only
from pytest_runloop.contract.views.devboxes import DevboxView
from pytest_runloop.session import ending, options
from pytest_runloop.session.devboxes import Devboxes
from pytest_runloop.session.lending import Lending
from pytest_runloop.session.run import Run

from ..support.config import settings_of


@dataclass(frozen=True, slots=True)
class Request:
    """What a process asks of the service, or says of itself.

    :param what: `create`, `look`, `reset`, `end` or `list`, which is answered; or `lent`, after which it is
        told to give the devbox back, or `gone`.
    :param devbox: which one.
    :param entry: of a devbox to be created: its key in the ledger.
    :param name: of a devbox to be created.
    """

    what: str
    devbox: str = ""
    entry: str = ""
    name: str = ""


def hold(path: Path, limit: int, pipe: Connection) -> None:
    """Be such a process.

    :param path: the run's directory.
    :param limit: how many devboxes the run may have.
    :param pipe: takes the devbox's name and the way to reuse it first.
    """
    ending.FLIGHT_SECONDS = 0.0  # Nothing that the dead asked for is carried out later.
    given = {options.BACKEND.ini: "local", options.MAX_DEVBOXES.ini: limit}
    run = Run(settings_of(**given), path)
    lending = Lending(run, _Devboxes(run, pipe))
    name, reuse = pipe.recv()
    held = lending.lend({"name": name}, "test", reuse=reuse)
    pipe.send(Request("lent", held.devbox.id))
    pipe.recv()
    lending.take_back(held)
    pipe.send(Request("gone"))


class _Devboxes(Devboxes):
    def __init__(self, run: Run, pipe: Connection) -> None:
        super().__init__(run, SimpleNamespace(announced=lambda _: contextlib.nullcontext()))  # type: ignore[arg-type]
        self._service: Any = _Service(pipe)

    def reach(self) -> None:
        """The service is there."""

    def _client(self, *, quick: bool) -> Any:
        return self._service


class _Service:
    """As much of the client as it takes."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.devbox = SimpleNamespace(from_id=lambda devbox: _Devbox(self, devbox))

    def ask(self, what: str, **details: str) -> Any:
        """Ask, and wait for the answer."""
        self._pipe.send(Request(what, **details))
        return self._pipe.recv()

    def call(self, endpoint: object, params: Any = None, **named: Any) -> Any:
        """Call an endpoint."""
        if endpoint is devboxes.CREATE:
            return _view(self.ask("create", entry=named["idempotency_key"], name=named["name"]))
        if endpoint is local_only.RESET:
            return SimpleNamespace(clean=self.ask("reset", devbox=params["id"]))
        return SimpleNamespace(devboxes=[_view(known) for known in self.ask("list")], has_more=False)


class _Devbox:
    def __init__(self, service: _Service, devbox: str) -> None:
        self._service = service
        self.id = devbox

    def get_info(self) -> DevboxView:
        """Ask what it is like."""
        return _view(self._service.ask("look", devbox=self.id))

    def shutdown(self, *, force: bool) -> DevboxView:
        """End it."""
        return _view(self._service.ask("end", devbox=self.id))


def _view(known: dict[str, Any]) -> DevboxView:
    return DevboxView.model_validate(known)
