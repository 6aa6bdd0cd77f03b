"""Words that say which process something belongs to, for what outlives all of its files and locks."""

from __future__ import annotations

import os
import re
from pathlib import Path

_OWNER = re.compile(r"(\d+)-(\d+)-(\d+)")


def this_process() -> str:
    """Return what no other process has: its space of process ids, its id, and when it began."""
    pid = os.getpid()
    return f"{_space()}-{pid}-{_born(pid)}"


def is_provably_dead(owner: str) -> bool:
    """Tell whether the process has ended that `this_process` said this of.

    Of processes in another space of ids, as those of a container, nothing can be known.
    """
    match = _OWNER.fullmatch(owner)
    if match is None or not _sees_own_space() or int(match[1]) != _space():
        return False
    return _born(int(match[2])) != int(match[3])


def _space() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino


def _sees_own_space() -> bool:
    return str(Path("/proc/self").readlink()) == str(os.getpid())


def _born(pid: int) -> int:
    """Return when a process began, in the kernel's clock; -1 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return -1
    return -1 if fields[0] in (b"Z", b"X") else int(fields[19])
