"""Reaches the service that gives the devboxes, and starts it if it is the local one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from . import options, server
from .choice import KEY, asked, choose
from .errors import StopRunError
from .files import write_private
from .kept import FOLDER as KEPT
from .run import OWNER_LOCK, Run
from .server import Server
from .state import state_directory
from .verdict.verdict import Finding, Kind

if TYPE_CHECKING:
    from .. import AsyncRunloop, Runloop
    from ..client.observing import Observer

# What fails here is told in words. Who wants to see these frames all the same has --full-trace.
__tracebackhide__ = True

C = TypeVar("C", bound="Runloop | AsyncRunloop")
_QUICK: dict[str, Any] = {"timeout": 10.0, "max_retries": 1}
"""For what must not hold up the run: ending devboxes."""


def connect(run: Run, *, quick: bool = False, observer: Observer | None = None) -> Runloop:
    """Make a client of the run's backend, which is started for it if it is the local one.

    :param quick: give up soon.
    :param observer: who is told of its calls.
    :raises StopRunError: if there is no backend to reach.
    """
    from .. import Runloop

    return _connected(run, Runloop, observer=observer, **(_QUICK if quick else {}))


def connect_async(run: Run, observer: Observer | None = None) -> AsyncRunloop:
    """Make an async client of the run's backend, which is started for it if it is the local one.

    :param observer: who is told of its calls.
    :raises StopRunError: if there is no backend to reach.
    """
    from .. import AsyncRunloop

    return _connected(run, AsyncRunloop, observer=observer)


def _connected(run: Run, client: Callable[..., C], **how: Any) -> C:
    from ..client.errors import ConfigurationError

    if choose(run.settings).kind == "local":
        running = local_server(run)
        return client(running.base_url, running.api_key, **how)
    _refuse_without_key(run)
    try:
        made = client(run.settings[options.BASE_URL], **how)
    except ConfigurationError as error:
        raise StopRunError(f"{error}\n{asked(run.settings)}", "the client cannot be set up") from None
    _remember_account(run, made.base_url)
    return made


def _refuse_without_key(run: Run) -> None:
    if not os.environ.get(KEY):
        raise StopRunError(
            f"Devboxes are to come from Runloop's cloud ({choose(run.settings).why}), but {KEY} is not set.\n"
            f"Set it to a key of your account, or run with {options.BACKEND.flag}=local, which needs none.",
            f"{KEY} is not set",
        )


def _remember_account(run: Run, base_url: str) -> None:
    """Write down whose devboxes these are, for the run that may have to end them."""
    path = run.path / "account.json"
    if not path.exists():
        write_private(path, json.dumps({"base_url": base_url, "account": account()}))


def account() -> str:
    """Return a fingerprint of the key, which tells accounts apart and gives nothing away."""
    return hashlib.sha256(b"pytest-runloop:" + os.environ.get(KEY, "").encode()).hexdigest()[:16]


def client_of_dead_run(path: Path) -> Runloop | None:
    """Make a client that may end the devboxes of another run, if the key at hand is that run's."""
    base_url = server_of_run(path)
    return client_of_account(base_url) if base_url else None


def lives(path: Path) -> bool:
    """Tell whether the local backend of a run lives."""
    running = server.load(path / "backend.json")
    return running is not None and server.alive(running)


def client_of_local_run(path: Path, *, quick: bool = True) -> Runloop | None:
    """Make a client of the local backend of another run, if that backend lives.

    :param quick: give up soon.
    """
    from .. import Runloop

    running = server.load(path / "backend.json")
    if running is None or not server.alive(running):
        return None
    return Runloop(running.base_url, running.api_key, **(_QUICK if quick else {}))


def client_of_account(base_url: str | None = None, *, quick: bool = True) -> Runloop:
    """Make a client of the account whose key is in the environment.

    :param base_url: its server, if not the one that the environment names.
    :param quick: give up soon.
    :raises ConfigurationError: if the key or the base URL cannot be used.
    """
    from .. import Runloop

    return Runloop(base_url, **(_QUICK if quick else {}))


def server_of_run(path: Path) -> str | None:
    """Return the server that a run's devboxes are on, if the key at hand is that run's."""
    try:
        known = json.loads((path / "account.json").read_text(encoding="utf-8"))
        mine = bool(os.environ.get(KEY)) and known["account"] == account()
        return str(known["base_url"]) if mine else None
    except (OSError, ValueError, KeyError, TypeError):  # not there, or damaged
        return None


def of_the_cloud(path: Path) -> bool:
    """Tell whether the devboxes of a run's directory are some that outlive its machine."""
    return (path / "account.json").exists()


def local_server(run: Run) -> Server:
    """Return the run's local backend, which the first to ask starts.

    :raises StopRunError: if it does not start, or has ended.
    """
    with run.lock("backend"):
        running = server.load(run.path / "backend.json") or _start(run)
    refuse_ended(run)
    return running


def refuse_ended(run: Run) -> None:
    """Refuse to go on if the run's local backend has ended.

    :raises StopRunError: if it has. A test would wait half a minute to be told less.
    """
    running = server.load(run.path / "backend.json")
    if running is not None and not server.alive(running):
        ended = StopRunError(_ended(run), "the local backend ended")
        ended.finding = Finding(Kind.TRANSPORT_FAILED, "The local backend ended in the middle of the run.")
        raise ended


def _start(run: Run) -> Server:
    failure = run.path / "backend.failed"
    if failure.exists():
        raise StopRunError(failure.read_text(encoding="utf-8"), "the local backend did not start")
    isolation, faults = run.settings[options.ISOLATION], run.settings[options.FAULTS]
    lock, log = run.path / OWNER_LOCK, run.path / "backend.log"
    try:
        running = server.start(state_directory(), isolation, lock, log, faults, run.path / KEPT)
    except StopRunError as error:
        write_private(failure, str(error))
        raise
    server.save(running, run.path / "backend.json")
    return running


def _ended(run: Run) -> str:
    log = run.path / "backend.log"
    said = log.read_text(encoding="utf-8", errors="replace")[-2000:].strip() if log.exists() else ""
    return "The local backend ended in the middle of the run." + (f" It said:\n{said}" if said else "")
