"""Messages between the server, its zygote and the agents: JSON with descriptors over a unix stream.

A frame is a header, the JSON text, and the descriptors that the header counts. A stream has no limit on
the size of a message, as a socket that keeps message borders has.

Imported by the zygote, whose memory every box shares: nothing heavy here.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
from collections.abc import Iterator, Sequence

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from typing import Any

Message = dict[str, "Any"]

_HEADER = struct.Struct("!IB")
_CHUNK = 64 * 1024
_MOST_DESCRIPTORS = 16
_INT_SIZE = array.array("i").itemsize


def encode(message: Message, descriptors: int = 0) -> bytes:
    """Return the frame of a message.

    :param message: lone surrogates in texts survive, so any path or environment can travel.
    :param descriptors: how many descriptors go with it.
    """
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return _HEADER.pack(len(body), descriptors) + body


def send_some(sock: socket.socket, data: memoryview, descriptors: Sequence[int] = ()) -> int:
    """Send what the socket takes at once. Descriptors go with the first byte.

    :return: the number of bytes sent, at least one.
    :raises BlockingIOError: if a non-blocking socket takes nothing now.
    """
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    return sock.sendmsg([data], ancillary, socket.MSG_NOSIGNAL)


def receive_some(sock: socket.socket) -> tuple[bytes, list[int]]:
    """Receive what is there. No bytes mean that the other side has gone.

    `socket.recv_fds` ignores its flags, so the descriptors would leak into every child.

    :raises BlockingIOError: if a non-blocking socket has nothing now.
    """
    room = socket.CMSG_SPACE(_MOST_DESCRIPTORS * _INT_SIZE)
    data, ancillary, _, _ = sock.recvmsg(_CHUNK, room, socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(payload[: len(payload) - len(payload) % _INT_SIZE])
    return data, descriptors.tolist()


class Decoder:
    """Puts frames together from what arrives. Descriptors never arrive later than their frame."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._descriptors: list[int] = []

    def feed(self, data: bytes, descriptors: Sequence[int]) -> Iterator[tuple[Message, list[int]]]:
        """Take in what was received and give each message that is complete now."""
        self._data += data
        self._descriptors += descriptors
        while (frame := self._frame()) is not None:
            yield frame

    def _frame(self) -> tuple[Message, list[int]] | None:
        if len(self._data) < _HEADER.size:
            return None
        length, count = _HEADER.unpack_from(self._data)
        end = _HEADER.size + length
        if len(self._data) < end:
            return None
        message = json.loads(self._data[_HEADER.size : end])
        del self._data[:end]
        descriptors, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return message, descriptors

    def close(self) -> None:
        """Close the descriptors of a message that never became complete."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()


class Connection:
    """The blocking side, for single-threaded helpers."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._decoder = Decoder()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send one message.

        :raises OSError: if the other side has gone.
        """
        rest = memoryview(encode(message, len(descriptors)))
        rest = rest[send_some(self.socket, rest, descriptors) :]
        while rest:
            rest = rest[send_some(self.socket, rest) :]

    def receive(self) -> list[tuple[Message, list[int]]] | None:
        """Wait for data and return the messages that it completes; `None` once the other side has gone."""
        try:
            data, descriptors = receive_some(self.socket)
        except ConnectionResetError:
            return None
        if not data:
            return None
        return list(self._decoder.feed(data, descriptors))
