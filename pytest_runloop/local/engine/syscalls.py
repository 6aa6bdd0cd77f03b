"""The system calls that Python's standard library lacks, by ctypes.

Imported by the zygote, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import ctypes
import os
import signal

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from collections.abc import Callable

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_MOVE = 0x2000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

MNT_DETACH = 0x2

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15

_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 0x1

_CLONE_INTO_CGROUP = 0x200000000
_CLONE3 = 435  # On every machine.

# clone, pivot_root and mount_setattr: the first two differ from machine to machine.
_NUMBERS = {"x86_64": (56, 155, 442), "aarch64": (220, 41, 442)}

# The interpreter's lock stays held, so that a clone is a fork as Python knows it.
_libc = ctypes.PyDLL(None, use_errno=True)


def supported() -> bool:
    """Tell whether the numbers of this machine's system calls are known."""
    return os.uname().machine in _NUMBERS


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def fork(flags: int = 0) -> int:
    """Fork into new namespaces. With a new pid namespace the child is its first process.

    A raw call, because `unshare` and a fork need a process in between, and a child of that one takes its
    death for the death of its parent.

    :param flags: `CLONE_NEW…`; none make it a plain fork.
    :return: 0 in the child, else the child's process id.
    """
    if not flags:
        return os.fork()
    number = _NUMBERS[os.uname().machine][0]
    return _forked(
        lambda: _libc.syscall(number, ctypes.c_ulong(flags | signal.SIGCHLD), None, None, None, None)
    )


class _CloneArguments(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_uint64) for name in ("flags", "pidfd", "child_tid", "parent_tid", "exit_signal")),
        *((name, ctypes.c_uint64) for name in ("stack", "stack_size", "tls", "set_tid", "set_tid_size")),
        ("cgroup", ctypes.c_uint64),
    ]


def fork_into(flags: int, group: int) -> int:
    """Fork into new namespaces, and into a control group of version 2 from the first moment on.

    :param flags: as `fork`.
    :param group: a descriptor of the group's directory.
    :return: as `fork`.
    :raises OSError: as the kernel gives it: ENOSYS before Linux 5.7, and under filters that do not know it.
    """
    arguments = _CloneArguments(flags=flags | _CLONE_INTO_CGROUP, exit_signal=signal.SIGCHLD, cgroup=group)
    size = ctypes.c_size_t(ctypes.sizeof(arguments))
    return _forked(lambda: _libc.syscall(_CLONE3, ctypes.byref(arguments), size))


def _forked(call: Callable[[], int]) -> int:
    api = ctypes.pythonapi
    api.PyOS_BeforeFork()
    pid = call()
    if pid == 0:
        api.PyOS_AfterFork_Child()
        return 0
    failure = ctypes.get_errno()
    api.PyOS_AfterFork_Parent()
    ctypes.set_errno(failure)
    return _check(pid, "clone")


def unshare(flags: int) -> None:
    """Move this process into new namespaces.

    :raises OSError: as the kernel gives it.
    """
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "none", flags: int = 0, options: str = "") -> None:
    """Mount.

    :raises OSError: as the kernel gives it; the target is its file name.
    """
    text = [os.fsencode(part) for part in (source, target, kind, options)]
    _check(_libc.mount(text[0], text[1], text[2], ctypes.c_ulong(flags), text[3]), target)


def unmount(target: str, flags: int = MNT_DETACH) -> None:
    """Unmount.

    :raises OSError: as the kernel gives it.
    """
    _check(_libc.umount2(os.fsencode(target), flags), target)


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def make_read_only(target: str) -> None:
    """Make a mount, and all mounts below it, read-only. Other flags stay as they are.

    :raises OSError: as the kernel gives it, e.g. ENOSYS before Linux 5.12.
    """
    attributes = _MountAttributes(set=_MOUNT_ATTR_RDONLY)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    arguments = (_AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, ctypes.byref(attributes), size)
    _check(_libc.syscall(_NUMBERS[os.uname().machine][2], *arguments), target)


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root of this mount namespace and put the old root at `old`.

    :raises OSError: as the kernel gives it.
    """
    number = _NUMBERS[os.uname().machine][1]
    _check(_libc.syscall(number, os.fsencode(new), os.fsencode(old)), "pivot_root")


def _prctl(option: int, argument: int | bytes) -> None:
    value = argument if isinstance(argument, bytes) else ctypes.c_ulong(argument)
    _check(_libc.prctl(option, value, 0, 0, 0), "prctl")


def die_with_parent() -> None:
    """Have this process killed when the thread that forked it ends. A change of credentials undoes it."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def set_dumpable(dumpable: bool) -> None:
    """Let others of the same user look into this process (`/proc/PID/environ`, `fd`, ptrace), or not."""
    _prctl(_PR_SET_DUMPABLE, int(dumpable))


def set_name(name: str) -> None:
    """Name this process in process lists; the kernel keeps 15 bytes."""
    _prctl(_PR_SET_NAME, name.encode()[:15])


class CommandLine:
    """This process's command line in process lists, which can be overwritten but not grow."""

    def __init__(self) -> None:
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        self._start, self._end = int(fields[45]), int(fields[46])

    def write(self, text: str) -> None:
        """Replace it. The path of an interpreter in somebody's home is not for the eyes of boxes."""
        room = self._end - self._start
        if room > 0:
            ctypes.memset(self._start, 0, room)
            ctypes.memmove(self._start, text.encode(), min(len(text.encode()), room - 1))
