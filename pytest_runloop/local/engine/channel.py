"""The asyncio side of a connection to a helper: requests with answers, and notes without."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence

from pytest_runloop.local.engine.wire import Decoder, Message, encode, receive_some, send_some

Answer = tuple[Message, list[int]]


class ChannelEndedError(Exception):
    """The other side has gone."""


class Channel:
    """One connection, owned by one event loop.

    :param sock: the server's end; the channel closes it.
    :param on_note: takes each message that answers no request, and owns its descriptors.
    :param on_end: called once when the other side has gone, never after `close`.
    """

    def __init__(
        self, sock: socket.socket, on_note: Callable[[Message, list[int]], None], on_end: Callable[[], None]
    ) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder()
        self._outgoing: deque[tuple[memoryview, list[int]]] = deque()
        self._ids = itertools.count(1)
        self._waiting: dict[int, tuple[asyncio.Future[Answer], Callable[[Message], None]]] = {}
        self._on_note, self._on_end = on_note, on_end
        self.closed = False
        self._loop.add_reader(sock, self._receive)

    async def request(
        self,
        message: Message,
        descriptors: Sequence[int] = (),
        unwanted: Callable[[Message], None] = lambda _: None,
    ) -> Answer:
        """Send a request and wait for its answer.

        :param descriptors: may be closed when this returns or raises.
        :param unwanted: takes an answer for a caller that was cancelled. Its descriptors are closed.
        :raises ChannelEndedError: if the other side went before it answered.
        """
        if self.closed:
            raise ChannelEndedError
        number = next(self._ids)
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting[number] = (future, unwanted)
        self.send({"id": number, **message}, descriptors)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # The answer came in the same turn of the loop.
                _refuse(future, unwanted)
            raise

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send without waiting. What the socket does not take now follows later."""
        if self.closed:
            return
        rest = memoryview(encode(message, len(descriptors)))
        kept = list(descriptors)
        if not self._outgoing:
            sent = self._try(rest, kept)
            rest, kept = rest[sent:], [] if sent else kept
        if rest:
            if not self._outgoing:
                self._loop.add_writer(self._socket, self._flush)
            self._outgoing.append((rest, [os.dup(descriptor) for descriptor in kept]))

    def close(self) -> None:
        """Let go. Requests that still wait raise `ChannelEndedError`; `on_end` is not called."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._decoder.close()
        for _, descriptors in self._outgoing:
            _close_all(descriptors)
        self._outgoing.clear()
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(ChannelEndedError())
        self._waiting.clear()

    def _try(self, data: memoryview, descriptors: Sequence[int]) -> int:
        try:
            return send_some(self._socket, data, descriptors)
        except BlockingIOError:
            return 0
        except OSError:  # Gone. The reader sees it too, after the last messages.
            return len(data)

    def _flush(self) -> None:
        data, descriptors = self._outgoing.popleft()
        sent = self._try(data, descriptors)
        if sent:
            _close_all(descriptors)
            descriptors = []
        if sent < len(data):
            self._outgoing.appendleft((data[sent:], descriptors))
        if not self._outgoing:
            self._loop.remove_writer(self._socket)

    def _receive(self) -> None:
        try:
            data, descriptors = receive_some(self._socket)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if not data:
            self.close()
            self._on_end()
            return
        for message, attached in self._decoder.feed(data, descriptors):
            self._take(message, attached)

    def _take(self, message: Message, descriptors: list[int]) -> None:
        if "id" not in message:
            self._on_note(message, descriptors)
            return
        future, unwanted = self._waiting.pop(message["id"])
        if not future.done():
            future.set_result((message, descriptors))
            return
        _close_all(descriptors)
        unwanted(message)


def _refuse(answered: asyncio.Future[Answer], unwanted: Callable[[Message], None]) -> None:
    if answered.exception() is None:
        message, descriptors = answered.result()
        _close_all(descriptors)
        unwanted(message)


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
