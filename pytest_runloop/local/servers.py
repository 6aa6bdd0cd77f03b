"""Which servers live on a state directory, and where each keeps what dies with it.

state_dir/servers/lock      held for a moment by whoever changes what is here
state_dir/servers/ID/lock   held by the server with this id for as long as it lives
"""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import AbstractContextManager
from pathlib import Path

from .locks import held, is_free, locked


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
            self._lock = held(self.directory / "lock")

    @property
    def place(self) -> str:
        """The state directory, told from all others also where hosts share a container engine."""
        status = self._servers.stat()
        return f"{os.uname().nodename}:{status.st_dev}:{status.st_ino}"

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

    def _registry(self) -> AbstractContextManager[None]:
        return locked(self._servers / "lock")


def _dead(directory: Path) -> bool:
    return is_free(directory / "lock")
