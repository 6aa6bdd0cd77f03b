"""Tells what a command ran out of, from what can be seen of its end."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from ..contract.views.blueprints import BuildFailureReason
from .processes import KILLED

_VMSTAT = Path("/proc/vmstat")
_KILLS = re.compile(r"^oom_kill (\d+)$", re.M)


def _says(*numbers: int) -> re.Pattern[str]:
    """Return what finds the words of these errors: programs print them as the system has them."""
    return re.compile("|".join(re.escape(os.strerror(number)) for number in numbers), re.I)


_NO_MEMORY = _says(errno.ENOMEM)
_NO_DISK = _says(errno.ENOSPC, errno.EDQUOT)


def memory_kills() -> int:
    """Return how many processes the kernel has killed for want of memory since this machine started.

    Those that a container's or a control group's limit ended count too; 0 if the kernel does not tell.
    """
    try:
        found = _KILLS.search(_VMSTAT.read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def shortage(status: int, shown: str, kills: int) -> BuildFailureReason:
    """Return the reason for which a command failed.

    :param status: its exit status.
    :param shown: the end of what it printed.
    :param kills: what `memory_kills` said before it started.
    """
    killed = status == KILLED and memory_kills() > kills
    if killed or _NO_MEMORY.search(shown):
        return "out_of_memory"
    return "out_of_disk" if _NO_DISK.search(shown) else "build_failed"
