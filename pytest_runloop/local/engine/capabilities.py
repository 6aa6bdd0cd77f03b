"""What root may do beyond files, taken away as far as Docker takes it away from the root of a container.

Standard library only, and light: every box shares the memory of the helper that imports this.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence

_PR_SET_KEEPCAPS = 8
_PR_CAPBSET_DROP = 24
_SYS_ADMIN = 21
_VERSION_3 = 0x20080522
_LAST_KNOWN = 63  # The kernel answers EINVAL for those that it does not know.

# By number of `linux/capability.h`: to own, read and change files; to change ids; to signal; low ports; ping;
# chroot. Without the rest there is no mounting, no tracing of strangers, no module, no clock, no reboot.
KEPT = {
    "chown": 0, "dac_override": 1, "fowner": 3, "fsetid": 4, "kill": 5, "setgid": 6, "setuid": 7,
    "setpcap": 8, "net_bind_service": 10, "net_raw": 13, "sys_chroot": 18, "audit_write": 29, "setfcap": 31,
}  # fmt: skip

_libc = ctypes.CDLL(None, use_errno=True)


def give_up_most() -> None:
    """Keep only the capabilities of `KEPT`, for this process and all that it starts. Needs `CAP_SETPCAP`.

    :raises OSError: if the kernel refuses.
    """
    kept = sum(1 << number for number in KEPT.values())
    for number in range(_LAST_KNOWN + 1):
        if not kept >> number & 1:
            _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    header = struct.pack("=Ii", _VERSION_3, 0)
    effective, permitted = (mask & kept for mask in _current(header))
    _set(header, effective, permitted)


def change_user(user: int, group: int, groups: Sequence[int]) -> None:
    """Become another user for good, who keeps the right to make namespaces and mounts.

    :raises OSError: if the kernel refuses.
    """
    if _libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "keep capabilities")
    os.setgroups(groups)
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    mask = 1 << _SYS_ADMIN
    _set(struct.pack("=Ii", _VERSION_3, 0), mask, mask)


def _current(header: bytes) -> tuple[int, int]:
    data = ctypes.create_string_buffer(24)
    if _libc.capget(header, data):
        raise OSError(ctypes.get_errno(), "capget")
    low_effective, low_permitted, _, high_effective, high_permitted, _ = struct.unpack("=6I", data.raw)
    return low_effective | high_effective << 32, low_permitted | high_permitted << 32


def _set(header: bytes, effective: int, permitted: int) -> None:
    words = [mask & 0xFFFFFFFF for mask in (effective, permitted, 0)] + [effective >> 32, permitted >> 32, 0]
    if _libc.capset(header, struct.pack("=6I", *words)):
        code = ctypes.get_errno()
        raise OSError(code, f"capset: {os.strerror(code)}")
