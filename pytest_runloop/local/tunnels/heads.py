"""Heads of HTTP/1 messages: read as far as a tunnel must know them, and passed on as they came."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

END = b"\r\n\r\n"

_REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) [^\s\0]+ HTTP/1\.[01]")
_RESPONSE = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)(?: .*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")


class HeadError(Exception):
    """What came is no head of an HTTP/1 message; the text says why."""


@dataclass(frozen=True, slots=True)
class Head:
    """The start line and the fields.

    :param start: the start line.
    :param fields: the other lines: the name in lower case, the value, and the line as it came.
    """

    start: bytes
    fields: list[tuple[bytes, bytes, bytes]]

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Read a head.

        :param raw: all up to the blank line, and that too.
        :raises HeadError: if a line is no field.
        """
        start, *lines = raw[: -len(END)].split(b"\r\n")
        return cls(start, [_field(line) for line in lines])

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of all fields of a name, which is in lower case."""
        return [value for known, value, _ in self.fields if known == name]

    def tokens(self, name: bytes) -> list[bytes]:
        """Return the members of a list in fields of a name, in lower case."""
        return [token.strip().lower() for value in self.values(name) for token in value.split(b",")]

    def without(self, lines: set[bytes]) -> bytes:
        """Return the head as it came, but for these lines."""
        kept = [line for _, _, line in self.fields if line not in lines]
        return b"\r\n".join([self.start, *kept]) + END


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request."""

    head: Head
    method: bytes

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Read the head of a request.

        :raises HeadError: if it is none.
        """
        head = Head.of(raw)
        found = _REQUEST.fullmatch(head.start)
        if found is None:
            raise HeadError("it does not begin with a request of HTTP/1.1")
        return cls(head, found[1])

    @property
    def host(self) -> bytes:
        """The host that it names, in lower case, with the port if it names one."""
        return b"".join(self.head.values(b"host")).lower()

    @property
    def switches(self) -> bool:
        """Whether it asks for another protocol on this connection, as WebSocket does."""
        return self.method == b"CONNECT" or b"upgrade" in self.head.tokens(b"connection")


@dataclass(frozen=True, slots=True)
class Response:
    """The head of an answer."""

    head: Head
    status: int

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Read the head of an answer.

        :raises HeadError: if it is none.
        """
        head = Head.of(raw)
        found = _RESPONSE.fullmatch(head.start)
        if found is None:
            raise HeadError("it does not begin with a status of HTTP/1.1")
        return cls(head, int(found[1]))

    @property
    def interim(self) -> bool:
        """Whether the answer proper is still to come."""
        return 100 <= self.status < 200 and self.status != 101

    def switched(self, method: bytes) -> bool:
        """Tell whether everything after it is of another protocol.

        :param method: of the request that it answers.
        """
        return self.status == 101 or (method == b"CONNECT" and 200 <= self.status < 300)


def _field(line: bytes) -> tuple[bytes, bytes, bytes]:
    found = _FIELD.fullmatch(line)
    if found is None:
        raise HeadError(f"the line {line[:40].decode('latin-1')!r} is no header field")
    return found[1].lower(), found[2], line
