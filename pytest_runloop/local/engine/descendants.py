"""Find, stop and end everything that a process started, whatever it did to get away.

The calling process must be a *child subreaper*: whoever loses its parent beneath it becomes its
child. So own sessions, double forks and exiting parents do not help anybody, and "I have no
children" means "I have no descendants".

Standard library only, and light: every box shares the memory of the helper that imports this.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress

_PR_SET_CHILD_SUBREAPER = 36
_STOPPED = "Tt"


class _Entry:
    """What `/proc/PID/stat` says of a process."""

    __slots__ = ("group", "parent", "session", "state")

    def __init__(self, text: str) -> None:
        # The name in parentheses may hold anything, parentheses and spaces too.
        self.state, parent, group, session = text.rpartition(")")[2].split()[:4]
        self.parent, self.group, self.session = int(parent), int(group), int(session)


def become_subreaper() -> None:
    """Adopt every orphan among one's descendants, from now on.

    :raises OSError: if the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def descendants(keep: Collection[int] = frozenset()) -> list[int]:
    """Return the process ids of all descendants of the caller, zombies included, parents first.

    :param keep: children to leave out, with all beneath them.
    """
    found = [pid for pid in _children(os.getpid()) if pid not in keep]
    for pid in found:  # Grows while it is walked.
        found.extend(child for child in _children(pid) if child not in keep)
    return found


def end_descendants(keep: Collection[int] = frozenset(), *, timeout: float = 10) -> list[int]:
    """Kill and reap every descendant of the caller, until there is none.

    :param keep: children to spare, with all beneath them.
    :param timeout: seconds to go on for. Only what hangs in the kernel outlasts a SIGKILL.
    :return: those that are still there; empty but for a timeout.
    """
    deadline = time.monotonic() + timeout
    rounds = 0
    while living := _reap(descendants(keep), keep):
        if time.monotonic() > deadline:
            return living
        _kill_groups(living)
        _signal_all(living, signal.SIGKILL, living)
        rounds += 1
        _pause(rounds)
    return []


def stop_descendants(keep: Collection[int] = frozenset(), *, timeout: float = 5) -> list[int]:
    """Stop every descendant with SIGSTOP, and wait until none runs.

    :param keep: children to spare, with all beneath them.
    :param timeout: seconds to wait for those that are slow to stop.
    :return: what was stopped here, for `continue_descendants`; not what was stopped before.
    """
    deadline = time.monotonic() + timeout
    stopped: dict[int, None] = {}
    rounds = 0
    while running := [pid for pid in descendants(keep) if _runs(pid)]:
        if time.monotonic() > deadline:
            break
        stopped.update(dict.fromkeys(running))
        _signal_all(running, signal.SIGSTOP, descendants())
        rounds += 1
        _pause(rounds)
    return list(stopped)


def continue_descendants(pids: Collection[int]) -> None:
    """Let run again what `stop_descendants` stopped.

    :param pids: its answer.
    """
    _signal_all(pids, signal.SIGCONT, descendants())


def _children(pid: int) -> Iterator[int]:
    """Yield the children, which Linux keeps by thread; nothing for a process that is gone or hidden."""
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as children:
                yield from map(int, children.read().split())


def _entry(pid: int) -> _Entry | None:
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as stat:
            return _Entry(stat.read())
    except OSError:
        return None


def _runs(pid: int) -> bool:
    entry = _entry(pid)
    return entry is not None and entry.state not in _STOPPED + "ZX"


def _reap(pids: list[int], keep: Collection[int]) -> list[int]:
    """Collect the zombies among our children, and return who is left."""
    left = [pid for pid in pids if not _collect(pid)]
    # The kernel walks a list of children that changes meanwhile, so an answer "none" is asked for again.
    return left or [pid for pid in descendants(keep) if not _collect(pid)]


def _collect(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:  # A grandchild, or gone.
        return _entry(pid) is None


def _signal_all(pids: Iterable[int], number: int, family: Iterable[int]) -> None:
    """Signal these members of our family, and never a stranger who got a member's number meanwhile."""
    parents = {os.getpid(), *family}
    for pid in pids:
        with suppress(OSError):
            handle = os.pidfd_open(pid)
            try:
                entry = _entry(pid)  # Read after the open: so what it says is true of what the handle holds.
                if entry is not None and entry.parent in parents:
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)


def _kill_groups(pids: Iterable[int]) -> None:
    """Kill by group, so that a fork bomb and one who forks and exits all the time are hit at once.

    Such a signal reaches all members at the same moment, and the kernel restarts a fork that it interrupts.
    """
    entries = [entry for pid in pids if (entry := _entry(pid)) is not None]
    own = os.getsid(
        0
    )  # A group never spans sessions: in another session than ours it holds descendants only.
    for group in {entry.group for entry in entries if entry.session != own}:
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)


def _pause(rounds: int) -> None:
    """Give the kernel time to carry out the signals, a little more each round."""
    time.sleep(min(0.0002 * rounds, 0.01))
