"""Where things are kept that outlive a process."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

from .errors import StopRunError

VARIABLE = "RUNLOOP_STATE_DIR"


def state_directory() -> Path:
    """Return the state directory, for this user's eyes only, made if it is not there.

    :raises StopRunError: if it cannot be made.
    """
    path = state_path()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Locks prove who lives. On a file system without them every run would take all others for dead.
        with tempfile.TemporaryFile(dir=path) as probe:
            fcntl.flock(probe, fcntl.LOCK_EX)
    except OSError as error:
        raise StopRunError(
            f"The state directory {path} cannot be used: {error.strerror}.\n"
            f"Set {VARIABLE} to a directory that can be written, on a file system with locks (flock).",
            "no state directory",
        ) from None
    return path


def state_path() -> Path:
    """Return where the state directory is, or will be.

    :raises RuntimeError: if it is to be below the user's home, and there is none.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).absolute()
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "pytest-runloop"
