"""Gives a socket the options of another one.

Imported by the zygote, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import contextlib
import socket
from socket import IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET

_INT, _PAIR, _TIME = 4, 8, 16  # bytes: an int, `struct linger`, `struct timeval`

# Not in every Python's socket module; the numbers are those of x86_64 and aarch64.
_SO_TIMESTAMP, _SO_BUF_LOCK = 29, 72
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER = 10, 23
_IP_PKTINFO = 8

Option = tuple[int, int, int]
"""Level, name, size in bytes."""

_OF_ALL: tuple[Option, ...] = (
    *((SOL_SOCKET, name, _INT) for name in (
        socket.SO_KEEPALIVE, socket.SO_OOBINLINE, socket.SO_PRIORITY, socket.SO_BROADCAST,
        socket.SO_REUSEADDR, socket.SO_REUSEPORT, _SO_TIMESTAMP, socket.SO_RCVLOWAT,
    )),
    (SOL_SOCKET, socket.SO_LINGER, _PAIR),
    (SOL_SOCKET, socket.SO_RCVTIMEO, _TIME),
    (SOL_SOCKET, socket.SO_SNDTIMEO, _TIME),
    *((IPPROTO_IP, name, _INT) for name in (
        socket.IP_TOS, socket.IP_TTL, _IP_RECVERR, _IP_MTU_DISCOVER, _IP_PKTINFO,
    )),
)  # fmt: skip
_OF_IPV6: tuple[Option, ...] = tuple(
    (IPPROTO_IPV6, name, _INT)
    for name in (
        socket.IPV6_V6ONLY, socket.IPV6_TCLASS, socket.IPV6_UNICAST_HOPS, socket.IPV6_RECVPKTINFO,
        _IPV6_RECVERR, _IPV6_MTU_DISCOVER,
    )
)  # fmt: skip
_OF_TCP: tuple[Option, ...] = tuple(
    (IPPROTO_TCP, name, _INT)
    for name in (
        socket.TCP_NODELAY, socket.TCP_CORK, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT,
        socket.TCP_SYNCNT, socket.TCP_USER_TIMEOUT, socket.TCP_NOTSENT_LOWAT, socket.TCP_LINGER2,
    )
)  # fmt: skip
_BUFFERS = {1: socket.SO_SNDBUF, 2: socket.SO_RCVBUF}

Kind = tuple[int, int, int]
"""Family, type, protocol."""

_fresh: dict[Kind, dict[Option, bytes | None]] = {}


def copy(source: socket.socket, target: socket.socket) -> None:
    """Give a socket the options that its user has set on another of the same kind."""
    for option, before in _defaults(target).items():
        value = _get(source, option)
        if value is not None and value != before:
            _set(target, option, value)
    _copy_buffers(source, target)


def _defaults(of: socket.socket) -> dict[Option, bytes | None]:
    kind = (of.family, of.type, of.proto)
    if kind not in _fresh:
        options = _OF_ALL
        if of.family == socket.AF_INET6:
            options += _OF_IPV6
        if of.proto == IPPROTO_TCP:
            options += _OF_TCP
        _fresh[kind] = {option: _get(of, option) for option in options}
    return _fresh[kind]


def _copy_buffers(source: socket.socket, target: socket.socket) -> None:
    """Copy sizes that were asked for. Any other is the kernel's to change, until somebody sets it."""
    locked = _get(source, (SOL_SOCKET, _SO_BUF_LOCK, _INT))
    for bit, name in _BUFFERS.items():
        if locked is not None and locked[0] & bit:
            size = source.getsockopt(SOL_SOCKET, name) // 2  # The kernel doubles what it is told.
            _set(target, (SOL_SOCKET, name, _INT), size.to_bytes(_INT, "little"))


def _get(of: socket.socket, option: Option) -> bytes | None:
    try:
        return of.getsockopt(*option)
    except OSError:  # Older kernels know fewer.
        return None


def _set(of: socket.socket, option: Option, value: bytes) -> None:
    with contextlib.suppress(OSError):
        of.setsockopt(option[0], option[1], value)
