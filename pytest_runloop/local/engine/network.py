"""The network of a box with ports of its own: its own loopback, and nothing else but what `egress` lends.

Where a policy holds the box, its DNS servers are played inside: their addresses are the box's own, and what
is sent there arrives at the server, which knows what names may be found.

Imported by the zygote, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import _thread
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
    from collections.abc import Callable, Sequence
    from typing import Any

_SO_NETNS_COOKIE = 71
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_SIOCSIFADDR, _SIOCSIFNETMASK = 0x8916, 0x891C
_INTERFACE = struct.Struct("16sh14x")
_ADDRESS = struct.Struct("=16sH2x4s16x")
_ADDRESS6 = struct.Struct("=16sIi")
_INDEX_OF_LOOPBACK = 1
_IPV6_FREEBIND = 78
DNS_PORT = 53
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


def play(hosts: Sequence[str]) -> list[socket.socket]:
    """Take the addresses of DNS servers, and listen in their place.

    :return: for each that can be had inside, a socket for datagrams and one for streams.
    """
    played: list[socket.socket] = []
    for number, host in enumerate(hosts, 1):
        with contextlib.suppress(OSError):  # Without IPv6 no program asks such a server.
            _take_address(host, number)
            played += _listen(host)
    return played


def _listen(host: str) -> tuple[socket.socket, socket.socket]:
    datagrams, streams = (_bound(host, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM))
    streams.listen()
    return datagrams, streams


def _bound(host: str, kind: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind | socket.SOCK_CLOEXEC)
    if ":" in host:  # The kernel takes a moment until it uses an address that it has been given.
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
    made.bind((host, DNS_PORT))
    return made


def _take_address(host: str, number: int) -> None:
    """Make an address one of the loopback's own."""
    if ":" in host:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
            packed = _ADDRESS6.pack(socket.inet_pton(socket.AF_INET6, host), 128, _INDEX_OF_LOOPBACK)
            with contextlib.suppress(FileExistsError):
                fcntl.ioctl(any_socket, _SIOCSIFADDR, packed)
    elif not host.startswith("127."):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
            for request, address in ((_SIOCSIFADDR, host), (_SIOCSIFNETMASK, "255.255.255.255")):
                packed = _ADDRESS.pack(b"lo:%d" % number, socket.AF_INET, socket.inet_aton(address))
                fcntl.ioctl(any_socket, request, packed)


def hand_over(
    supervisor: socket.socket,
    reachable: Sequence[Any],
    played: Sequence[Any] = (),
    line: socket.socket | None = None,
) -> None:
    """Have this process, and all that it starts, ask the supervisor wherever a socket may lead out.

    :param supervisor: the way to it (`egress.start`).
    :param reachable: addresses and ports of the host's loopback that the box may use.
    :param played: addresses and ports outside that something inside stands for.
    :param line: to whoever decides where the box may connect to, if a policy holds it.
    :raises OSError: if the kernel refuses, or the supervisor does not take it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
        number = cookie(any_socket)
    supervisor.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _HAND_OVER_TIMEOUT)
    text = json.dumps({"network": number, "reachable": reachable, "played": played}).encode()
    descriptors = [] if line is None else [line.fileno()]

    def tell() -> None:
        socket.send_fds(supervisor, [text], descriptors)

    # What it asks about, nobody answers before the supervisor has the listener, and sending that is among it.
    tell_now = tell if line is None else _in_another_thread(tell)
    listener = seccomp.install_with_listener(_filter(held=line is not None))
    descriptors.insert(0, listener)
    try:
        tell_now()
    finally:
        os.close(listener)


def _in_another_thread(action: Callable[[], None]) -> Callable[[], None]:
    """Start a thread, and return what has it act: filters that are installed meanwhile do not hold it."""
    begin, end = _thread.allocate_lock(), _thread.allocate_lock()
    begin.acquire()
    end.acquire()
    failures: list[OSError] = []

    def run() -> None:
        begin.acquire()
        try:
            action()
        except OSError as error:
            failures.append(error)
        finally:
            end.release()

    def act() -> None:
        begin.release()
        end.acquire()
        if failures:
            raise failures[0]

    _thread.start_new_thread(run, ())
    return act


def _filter(*, held: bool) -> list[seccomp.Instruction]:
    """Ask about what gives a socket a new destination, and refuse what would do so unasked.

    :param held: whether a policy holds the box. It is worth an answer to each message then.
    """
    ask = seccomp.give(seccomp.ASK)
    body = seccomp.on_calls(["connect", "listen"], [ask])
    # Programs take that for a kernel without it, and go on with the calls that can be asked about.
    body += seccomp.on_calls(["io_uring_setup"], [seccomp.fail_with(errno.ENOSYS)])
    for name, place in _FLAGS_OF_SENDING.items():
        body += seccomp.on_calls(
            [name],
            [
                *_refuse_fast_open(place),
                *(_ask_if_addressed() if name == "sendto" else [ask] if held else ()),
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
