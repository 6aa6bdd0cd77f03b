"""The bounds that the first process of a box puts on itself, and so on all that it starts; and their end.

Imported by the zygote, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from collections.abc import Mapping

from pytest_runloop.local.engine.isolation import SetUpError

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from typing import Any

_PAUSE = 0.005  # seconds


def apply(bounds: Mapping[str, Any]) -> None:
    """Put bounds on this process.

    In namespaces of its own already, for the kernel counts the processes of each user namespace by itself;
    and still in sight of the host's files, for that is where control groups are.

    :param bounds: `groups`, files that take the id of a process to be a member; `processors`, the numbers of
        those to run on; `processes`, how many there may be. What is missing or `None` is not bounded.
    :raises SetUpError: if the kernel refuses.
    """
    for path in bounds.get("groups") or ():
        _join(path)
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
    return [os.path.dirname(os.path.dirname(path)) for path in bounds.get("groups") or ()]


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
