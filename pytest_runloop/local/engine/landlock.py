"""Landlock: a process gives up rights to files for good, for itself and all that it starts.

Standard library only, and no state: made to be called right after `fork` in a single-threaded
process. What the running kernel's version does not know is left out, so one call serves kernels
from 5.13 on. Numbers are those of `linux/landlock.h`.

Landlock has nothing to say about a file's metadata (`chmod`, `chown`, `touch` on files that the
user owns) nor about connecting to a Unix socket that has a path.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # The same on all architectures.
_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_EXECUTE = 1 << 0
_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_REFER = 1 << 13
_TRUNCATE = 1 << 14
_IOCTL_DEV = 1 << 15

_BASE = (1 << 13) - 1  # Version 1: all but REFER, TRUNCATE and IOCTL_DEV.
_ADDED = {2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEV}
_FIT_FOR_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READING = _EXECUTE | _READ_FILE | _READ_DIR

_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1
_SCOPES = _ABSTRACT_SOCKETS | _SIGNALS

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """Return the kernel's Landlock version, 0 where it has none or it is switched off.

    Version 6 (Linux 6.12) is the first that keeps signals inside.
    """
    version = int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)))
    return max(version, 0)


def restrict(*, read_only: Iterable[str], read_write: Iterable[str]) -> None:
    """Allow this thread, and all that it starts, these files only. There is no way back.

    Signals and abstract Unix sockets reach nothing outside either, where the kernel can (version 6).
    Sets `no_new_privs`: set-user-id programs run as the caller from here on.

    :param read_only: files and directories to read and execute, with all beneath; missing ones are skipped.
    :param read_write: files and directories with all rights; missing ones are skipped.
    :raises OSError: if the kernel refuses; ENOSYS or EOPNOTSUPP where it has no Landlock.
    """
    version = abi()
    if not version:
        raise OSError(ctypes.get_errno() or errno.ENOSYS, "Landlock is not available")
    handled = _handled(version)
    ruleset = _create(version, handled)
    try:
        for path in read_only:
            _allow(ruleset, path, _READING & handled)
        for path in read_write:
            _allow(ruleset, path, handled)
        _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
        _check(_libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _handled(version: int) -> int:
    rights = _BASE
    for since, right in _ADDED.items():
        if version >= since:
            rights |= right
    return rights


def _create(version: int, handled: int) -> int:
    # A kernel takes the longer structures of its successors if what it does not know is zero.
    attributes = struct.pack("=QQQ", handled, 0, _SCOPES if version >= 6 else 0)
    ruleset = _libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(24), ctypes.c_uint32(0))
    return _check(ruleset, "landlock_create_ruleset")


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= _FIT_FOR_FILES
        rule = struct.pack("=Qi", rights, beneath)
        added = _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, ctypes.c_uint32(0))
        _check(added, f"landlock_add_rule {path}")
    finally:
        os.close(beneath)


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return int(result)
