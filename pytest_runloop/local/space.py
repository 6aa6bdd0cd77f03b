"""What to say when a disk is full."""

from __future__ import annotations

import os
from pathlib import Path

_NEARLY_NOTHING = 16 * 1024 * 1024  # bytes


def advice(directory: Path) -> str:
    """Return how full the disk of the state directory is, and what to do.

    :param directory: the state directory, or a place in it.
    """
    status = os.statvfs(directory)
    free, total = (blocks * status.f_frsize for blocks in (status.f_bavail, status.f_blocks))
    state = f"{directory} has {_shown(free)} of {_shown(total)} free"
    if free > _NEARLY_NOTHING:
        return f"{state}: so it is another file system of the devbox (`df` in it shows which), or a quota"
    return (
        f"{state}: delete snapshots and blueprints that nobody needs, or other files there,"
        " or set RUNLOOP_STATE_DIR to a larger disk"
    )


def _shown(size: int) -> str:
    return f"{size / 1024**2:,.1f} MiB" if size < 1024**3 else f"{size / 1024**3:,.1f} GiB"
