"""Short names for long directories: the path of a Unix socket ends at 107 bytes.

State directories lie deep, and ids are long. Programs that make sockets in TMPDIR or XDG_RUNTIME_DIR
(`multiprocessing`, tmux, ssh-agent) would fail there without saying why.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from pytest_runloop.local.engine.sessions import is_dead

_PLACE = Path("/tmp")
_PREFIX = "runloop-"
_LONG = 40  # bytes; leaves room for what programs add


class ShortName:
    """A link to one directory, made when it is first needed.

    :param directory: what it stands for; it lies in that of its engine's session.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._link: Path | None = None

    def of(self, name: str) -> Path:
        """Return a short path of an entry: the usual one, where that is short or all there is."""
        if len(str(self._directory / name)) <= _LONG:
            return self._directory / name
        if self._link is None:
            link = _PLACE / f"{_PREFIX}{secrets.token_hex(4)}"
            try:
                link.symlink_to(self._directory)
            except OSError:
                return self._directory / name
            self._link = link
        return self._link / name

    def close(self) -> None:
        """Remove the link."""
        if self._link is not None:
            self._link.unlink(missing_ok=True)
            self._link = None


def sweep() -> None:
    """Remove the links of ours that killed engines left."""
    for link in _PLACE.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if link.is_symlink() and link.lstat().st_uid == os.geteuid() and is_dead(link.readlink().parent):
                link.unlink()
