"""The network of a box with ports of its own: its own loopback, and nothing else but what `egress` lends.

Imported by the zygote, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import struct

from pytest_runloop.local.engine import seccomp

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_SO_NETNS_COOKIE = 71
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_INTERFACE = struct.Struct("16sh14x")
_MSG_FASTOPEN = 0x20000000
_ADDRESS_OF_SENDTO = 4
_FLAGS_OF_SENDING = {"sendto": 3, "sendmsg": 2, "sendmmsg": 3}
_HAND_OVER_TIMEOUT = struct.pack("=qq", 20, 0)  # seconds, microseconds

# What root may do on a machine of its own, for the users beside root that boxes of a root-run engine have.
_SWITCHES = {
    "ip_unprivileged_port_start": ("0",),
    "ping_group_range": ("0 2147483647", "0 0"),
}


def cookie(of: socket.socket) -> int:
    """Return the number of the network that a socket belongs to; no other network ever has it.

    :raises OSError: ENOPROTOOPT before Linux 5.14.
    """
    return int.from_bytes(of.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8), "little")


def set_up() -> None:
    """Make a new network usable from inside.

    :raises OSError: if the kernel refuses.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, _INTERFACE.pack(b"lo", _IFF_UP))
    for name, values in _SWITCHES.items():
        for value in values:
            with contextlib.suppress(OSError):  # Containers show /proc/sys read-only.
                _set_switch(f"/proc/sys/net/ipv4/{name}", value)
                break


def hand_over(supervisor: socket.socket, reachable: Sequence[Any]) -> None:
    """Have this process, and all that it starts, ask the supervisor wherever a socket may lead out.

    :param supervisor: the way to it (`egress.start`).
    :param reachable: addresses and ports of the host's loopback that the box may use.
    :raises OSError: if the kernel refuses, or the supervisor does not take it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
        number = cookie(any_socket)
    listener = seccomp.install_with_listener(_filter())
    try:
        supervisor.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _HAND_OVER_TIMEOUT)
        text = json.dumps({"network": number, "reachable": reachable})
        socket.send_fds(supervisor, [text.encode()], [listener])
    finally:
        os.close(listener)


def _filter() -> list[seccomp.Instruction]:
    """Ask about what gives a socket a new destination, and refuse what would do so unasked."""
    ask = seccomp.give(seccomp.ASK)
    body = seccomp.on_calls(["connect", "listen"], [ask])
    # Programs take that for a kernel without it, and go on with the calls that can be asked about.
    body += seccomp.on_calls(["io_uring_setup"], [seccomp.fail_with(errno.ENOSYS)])
    for name, place in _FLAGS_OF_SENDING.items():
        body += seccomp.on_calls(
            [name],
            [
                *_refuse_fast_open(place),
                *(_ask_if_addressed() if name == "sendto" else ()),
                seccomp.give(seccomp.ALLOW),
            ],
        )
    return [*body, seccomp.give(seccomp.ALLOW)]


def _refuse_fast_open(place: int) -> list[seccomp.Instruction]:
    """It sends and connects in one; its users fall back to `connect`, for most machines do not allow it."""
    refuse = [seccomp.fail_with(errno.EOPNOTSUPP)]
    return [seccomp.load_argument(place), *seccomp.if_any_bit(_MSG_FASTOPEN, refuse)]


def _ask_if_addressed() -> list[seccomp.Instruction]:
    ask = [seccomp.give(seccomp.ASK)]
    return [
        seccomp.load_argument(_ADDRESS_OF_SENDTO), *seccomp.if_any_bit(0xFFFFFFFF, ask),
        seccomp.load_argument(_ADDRESS_OF_SENDTO, upper=True), *seccomp.if_any_bit(0xFFFFFFFF, ask),
    ]  # fmt: skip


def _set_switch(path: str, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)
