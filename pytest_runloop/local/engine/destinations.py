"""Where a socket's address leads: to the box itself, or out of it.

Imported by the zygote, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import socket
import struct

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from collections.abc import Collection

LONGEST = 128  # bytes: `struct sockaddr_storage`

_INET, _INET6 = struct.Struct("=H2s4s"), struct.Struct("=H2s4x16s")
_MAPPED = bytes(10) + b"\xff\xff"
_BROADCAST = b"\xff" * 4
_OWN6 = (bytes(16), bytes(15) + b"\x01")


class Destination:
    """An internet address and port.

    :param raw: as the kernel takes them.
    :param host: the address, 4 bytes or 16; IPv4 that was wrapped in IPv6 is unwrapped.
    """

    __slots__ = ("host", "port", "raw")

    def __init__(self, raw: bytes, host: bytes, port: int) -> None:
        self.raw, self.host, self.port = raw, host, port

    def leads_out(self, reachable: Collection[tuple[bytes, int]]) -> bool:
        """Tell whether it is outside of the box.

        :param reachable: addresses and ports of this machine's loopback that boxes may use, as DNS servers.
        """
        if self.loops_back():
            return (self.host, self.port) in reachable
        return not self._is_for_many()

    def loops_back(self) -> bool:
        """Tell whether it means the very machine that asks."""
        if len(self.host) == 4:
            return self.host[0] == 127 or self.host == bytes(4)
        return self.host in _OWN6

    def _is_for_many(self) -> bool:
        if len(self.host) == 4:
            return self.host[0] & 0xF0 == 0xE0 or self.host == _BROADCAST
        return self.host[0] == 0xFF


def parse(raw: bytes) -> Destination | None:
    """Return what a `struct sockaddr` means, or `None` if it is no internet address."""
    if len(raw) < 2:
        return None
    family = struct.unpack_from("=H", raw)[0]
    if family == socket.AF_INET and len(raw) >= _INET.size:
        _, port, host = _INET.unpack_from(raw)
    elif family == socket.AF_INET6 and len(raw) >= _INET6.size:
        _, port, host = _INET6.unpack_from(raw)
        host = host[12:] if host.startswith(_MAPPED) else host
    else:
        return None
    return Destination(raw, host, int.from_bytes(port, "big"))
