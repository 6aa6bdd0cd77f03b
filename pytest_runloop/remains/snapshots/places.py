"""Where snapshots are: on this machine, and in the account."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...session import backend, server
from ...session.choice import KEY
from ...session.errors import StopRunError
from ...session.server import Server
from ..census import LOCAL

if TYPE_CHECKING:
    from ... import Runloop

Connect = Callable[[], AbstractContextManager["Runloop"]]


def places(state: Path) -> Iterator[tuple[str, Connect]]:
    """Yield the servers that may have snapshots.

    :param state: the state directory. What lies there is looked at by a local backend, for the moment.
    """
    if (state / "backend.sqlite3").exists():
        yield LOCAL, lambda: _local(state)
    if os.environ.get(KEY):
        where = os.environ.get("RUNLOOP_BASE_URL") or "Runloop's cloud"
        yield where, lambda: contextlib.closing(backend.client_of_account())


@contextmanager
def _local(state: Path) -> Iterator[Runloop]:
    """Give a client of a local backend that has the state directory, and lives for as long as this block."""
    from filelock import FileLock

    from ... import Runloop

    with tempfile.TemporaryDirectory(prefix="runloop-") as folder:
        lock = Path(folder) / "owner.lock"
        with FileLock(lock):
            running = _started(state, lock)
            try:
                with contextlib.closing(Runloop(running.base_url, running.api_key)) as client:
                    yield client
            finally:
                server.stop(running)


def _started(state: Path, lock: Path) -> Server:
    """Start a local backend in any tier: no devbox will be in it."""
    isolation, log = os.environ.get("RUNLOOP_ISOLATION") or "auto", lock.with_name("log")
    try:
        return server.start(state, isolation, lock, log)
    except StopRunError:
        return server.start(state, "process", lock, log)
