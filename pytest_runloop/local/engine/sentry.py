"""Answers for a guarded box: whether it may connect somewhere, and what names mean.

One for each boot of the box. Its supervisor asks through a line of its own (`questions.py`), and the programs
in the box ask the sockets of the DNS servers that are played there (`network.play`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Coroutine, Iterator, Sequence

from pytest_runloop.local.engine.protocol import Guard

_LONGEST = 65_535  # bytes of a question or a query
_MOST_AT_ONCE = 512
"""Questions of a box that are being answered while further queries are taken; programs ask those again."""
_MOST_CONVERSATIONS = 64
_SECONDS = 20.0
"""For a decision; it was not permitted then."""
_LENGTH = struct.Struct("!H")


class Sentry:
    """Stands for a guard before one boot of a box. Belongs to the running event loop.

    :param guard: decides.
    :raises OSError: if there are no more descriptors.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._loop = asyncio.get_running_loop()
        self._line, self._lent = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.setblocking(False)
        self._loop.add_reader(self._line, self._hear)
        self._listeners: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._conversations: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def lent(self) -> Iterator[tuple[int, ...]]:
        """Give the other end of the line, once, for whoever asks."""
        with self._lent:
            yield (self._lent.fileno(),)

    async def listen(self, listeners: Sequence[int]) -> None:
        """Answer at these sockets, which it owns from now on."""
        self._listeners = [socket.socket(fileno=descriptor) for descriptor in listeners]
        for listener in self._listeners:
            listener.setblocking(False)
            if listener.type == socket.SOCK_DGRAM:
                self._loop.add_reader(listener, self._take_query, listener)
            else:
                self._servers.append(await asyncio.start_server(self._converse, sock=listener))

    def close(self) -> None:
        """Answer no more. What is asked after that is refused."""
        for server in self._servers:
            server.close()
        for each in (self._line, *self._listeners):
            if each.fileno() >= 0:  # A server has closed its own.
                self._loop.remove_reader(each)
                each.close()
        self._lent.close()
        for writer in self._conversations:
            writer.close()
        for task in self._tasks:
            task.cancel()

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Destinations

    def _hear(self) -> None:
        try:
            data = self._line.recv(_LONGEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:  # The supervisor has let go of the box, or died.
            self._loop.remove_reader(self._line)
            return
        question = json.loads(data)
        self._start(self._decide(question["id"], question["host"], question["port"]))

    async def _decide(self, number: int, host: str, port: int) -> None:
        permitted = False
        try:
            async with asyncio.timeout(_SECONDS):
                permitted = await self._guard.permits(host, port)
        except TimeoutError:
            pass
        finally:  # Somebody waits for it, whatever happened.
            answer = json.dumps({"id": number, "permitted": permitted}).encode()
            with contextlib.suppress(OSError):
                await self._loop.sock_sendall(self._line, answer)

    # Names

    def _take_query(self, listener: socket.socket) -> None:
        try:
            query, sender = listener.recvfrom(_LONGEST)
        except OSError:  # Somebody was faster, or an earlier answer found nobody.
            return
        if len(self._tasks) < _MOST_AT_ONCE:
            self._start(self._reply(listener, query, sender))

    async def _reply(self, listener: socket.socket, query: bytes, sender: object) -> None:
        answer = await self._guard.answer(query, stream=False)
        if answer is not None:
            with contextlib.suppress(OSError):
                await self._loop.sock_sendto(listener, answer, sender)  # type: ignore[arg-type]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._conversations) >= _MOST_CONVERSATIONS:
            writer.close()
            return
        self._conversations.add(writer)
        try:
            while True:
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                answer = await self._guard.answer(await reader.readexactly(length), stream=True)
                if answer is None:
                    return
                writer.write(_LENGTH.pack(len(answer)) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._conversations.discard(writer)
            writer.close()
