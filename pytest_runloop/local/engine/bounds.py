"""The bounds that the first process of a box puts on itself, and so on all that it starts; and their end.

Imported by the zygote, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import time
from collections.abc import Mapping

from pytest_runloop.local.engine import syscalls
from pytest_runloop.local.engine.isolation import SetUpError

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from typing import Any

_PAUSE = 0.005  # seconds


def apply(bounds: Mapping[str, Any]) -> None:
    """Put bounds on this process.

    In namespaces of its own already, for the kernel counts the processes of each user namespace by itself;
    and still in sight of the host's files, for that is where control groups are.

    :param bounds: `groups`, control groups of version 1; `processors`, the numbers of those to run on;
        `processes`, how many there may be. What is missing or `None` is not bounded.
    :raises SetUpError: if the kernel refuses.
    """
    for group in bounds.get("groups") or ():
        # The file for single threads: this process has no other yet. That for whole processes keeps the
        # machine from forking meanwhile, and waits for 10 ms until it may.
        _join(f"{group}/tasks")
    try:
        if processors := bounds.get("processors"):
            os.sched_setaffinity(0, processors)
        if (most := bounds.get("processes")) is not None:
            _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    except (OSError, ValueError) as error:
        raise SetUpError(f"limit the devbox ({error})", getattr(error, "errno", None) or 0) from error


def groups_of_session(bounds: Mapping[str, Any]) -> list[str]:
    """Return the groups that hold those of a box, and of all others of its engine."""
    groups = [*(bounds.get("groups") or ()), bounds.get("group")]
    return [os.path.dirname(group) for group in groups if group is not None]


def fork(flags: int, bounds: Mapping[str, Any]) -> int:
    """Fork as `syscalls.fork`, into the control group of version 2 that is named, if one is.

    :param bounds: `group`, its directory.
    :raises OSError: as the kernel gives it.
    """
    path = bounds.get("group")
    if path is None:
        return syscalls.fork(flags)
    group = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return syscalls.fork_into(flags, group)
    except OSError as error:
        if error.errno != errno.ENOSYS:  # It is new, and many a filter of a container does not know it.
            raise
    finally:
        os.close(group)
    pid = syscalls.fork(flags)
    if pid == 0:
        _join(f"{path}/cgroup.procs")
    return pid


def remove_groups(above: str, seconds: float = 0) -> bool:
    """Remove a group and those in it. What still lives in them is killed.

    :param seconds: how long what was killed may take to be gone.
    :return: whether nothing is left of them.
    """
    until = time.monotonic() + seconds
    while not _remove(above):
        if time.monotonic() >= until:
            return False
        time.sleep(_PAUSE)
    return True


def _remove(above: str) -> bool:
    try:
        groups = [entry.path for entry in os.scandir(above) if entry.is_dir()]
    except OSError:
        return not os.path.exists(above)
    for group in groups:
        _kill(group)
        with contextlib.suppress(OSError):
            os.rmdir(group)
    with contextlib.suppress(OSError):  # Somebody is in it who has not died yet.
        os.rmdir(above)
    return not os.path.exists(above)


def _kill(group: str) -> None:
    with contextlib.suppress(OSError), open(f"{group}/cgroup.procs") as members:
        for pid in members.read().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def _join(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"0")  # Whoever writes.
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SetUpError(f"join the control group {path}", error.errno or 0) from error
