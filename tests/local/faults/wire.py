"""A client that sees what really comes over the wire."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

import h11

from .toy import KEY


@dataclass(frozen=True)
class Seen:
    """What came, and how it ended: with a `whole` answer, `fin`, `reset`, or not at all: `open`."""

    status: int | None
    headers: dict[str, str]
    body: bytes
    ending: str


def exchange(
    port: int, verb: str, path: str, body: bytes = b"", *, patience: float = 20.0, headers: str = ""
) -> Seen:
    """Send one request, and read until the answer is complete or the connection has ended.

    :param patience: seconds without a byte after which the connection counts as `open`.
    """
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(patience)
        head = f"{verb} {path} HTTP/1.1\r\nhost: toy\r\nauthorization: Bearer {KEY}\r\n{headers}"
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        return _read(connection)


def _read(connection: socket.socket) -> Seen:
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("host", "toy")]))
    parser.send(h11.EndOfMessage())
    status, body = None, b""
    headers: dict[str, str] = {}
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            ending, data = _receive(connection)
            if ending:
                return Seen(status, headers, body, ending)
            parser.receive_data(data)
        elif isinstance(event, h11.Response):
            status = event.status_code
            headers = {name.decode(): value.decode() for name, value in event.headers}
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return Seen(status, headers, body, "whole")


def _receive(connection: socket.socket, size: int = 65536) -> tuple[str, bytes]:
    try:
        data = connection.recv(size)
    except ConnectionResetError:
        return "reset", b""
    except TimeoutError:
        return "open", b""
    return ("" if data else "fin"), data


def read_slowly(connection: socket.socket) -> tuple[bytes, str]:
    """Read in small pieces with pauses until the connection ends, and return all of it and the ending."""
    received = b""
    while True:
        time.sleep(0.001)
        ending, data = _receive(connection, 8192)
        if ending:
            return received, ending
        received += data
