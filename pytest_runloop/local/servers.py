"""Which servers live on a state directory, and where each keeps what dies with it.

state_dir/servers/lock      held for a moment by whoever changes what is here
state_dir/servers/ID/lock   held by the server with this id for as long as it lives
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Presence:
    """A server's place on the state directory. The kernel frees its lock, however the server dies.

    :param state_dir: shared by all servers of this user.
    :raises OSError: if it cannot be used.
    """

    def __init__(self, state_dir: Path) -> None:
        self._servers = state_dir / "servers"
        self._servers.mkdir(mode=0o700, exist_ok=True)
        self.id = uuid.uuid4().hex
        self.directory = self._servers / self.id
        with self._registry():
            self._sweep()
            self.directory.mkdir(mode=0o700)
            self._lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def living(self) -> set[str]:
        """Return the ids of all servers that live."""
        with self._registry():
            return {path.name for path in self._others() if not _dead(path)} | {self.id}

    def close(self) -> None:
        """Leave."""
        shutil.rmtree(self.directory, ignore_errors=True)
        os.close(self._lock)

    def _sweep(self) -> None:
        for path in self._others():
            if _dead(path):
                shutil.rmtree(path, ignore_errors=True)

    def _others(self) -> list[Path]:
        return [path for path in self._servers.iterdir() if path.is_dir() and path.name != self.id]

    @contextmanager
    def _registry(self) -> Iterator[None]:
        fd = os.open(self._servers / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _dead(directory: Path) -> bool:
    try:
        fd = os.open(directory / "lock", os.O_RDWR)
    except OSError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True
