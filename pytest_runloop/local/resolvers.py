"""Asks the DNS servers of this machine."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence

from .dns import AAAA, A, addresses_in, query_for
from .engine.loopback import DNS_PORT, Service, dns_servers
from .hostnames import address_of

_SECONDS = 3.0
_LONGEST = 65_535  # bytes
_LENGTH = struct.Struct("!H")


class Resolver:
    """What this machine's programs would ask.

    :param servers: returns the addresses of the DNS servers; they may change while a devbox lives.
    :param port: where they listen.
    """

    def __init__(self, servers: Callable[[], Sequence[str]] = dns_servers, port: int = DNS_PORT) -> None:
        self._servers = servers
        self._port = port

    async def ask(self, query: bytes, *, stream: bool = False) -> bytes | None:
        """Return the answer of the first server that has one.

        :param stream: through TCP.
        :return: `None` if none answers in time.
        """
        ask = _ask_by_stream if stream else _ask_by_datagram
        for server in self._servers():
            if address_of(server) is None:  # It would have to be looked up itself.
                continue
            try:
                async with asyncio.timeout(_SECONDS):
                    return await ask((server, self._port), query)
            except (OSError, asyncio.IncompleteReadError):  # That the time is up is an OSError, too.
                continue
        return None

    async def addresses(self, name: str) -> set[str]:
        """Return the addresses of a name, of both kinds."""
        answers = await asyncio.gather(*(self.ask(query_for(name, kind, kind)) for kind in (A, AAAA)))
        return {address for answer in answers if answer is not None for address in addresses_in(answer)}


async def _ask_by_datagram(server: Service, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        asking.connect(server)
        await loop.sock_sendall(asking, query)
        while True:
            answer = await loop.sock_recv(asking, _LONGEST)
            if answer[:2] == query[:2]:
                return answer


async def _ask_by_stream(server: Service, query: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*server)
    try:
        writer.write(_LENGTH.pack(len(query)) + query)
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return await reader.readexactly(length)
    finally:
        writer.close()
