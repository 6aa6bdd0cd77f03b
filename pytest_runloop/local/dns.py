"""Messages of DNS, as far as policies need them: what is asked, the addresses of an answer, refusals."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

_HEADER = struct.Struct("!HHHHHH")
_FIXED = struct.Struct("!HHIH")
_IS_ANSWER, _WANTS_RECURSION, _CAN_RECURSE = 0x8000, 0x0100, 0x0080
_OPCODE = 0x7800
_POINTER = 0xC0
_MOST_STEPS = 128  # of a name that is put together from pieces
A, AAAA = 1, 28
_FAMILIES = {(A, 4): socket.AF_INET, (AAAA, 16): socket.AF_INET6}
_INTERNET = 1

NO_SUCH_NAME, SERVER_FAILED = 3, 2
"""How a query can end without an answer."""


def question_of(query: bytes) -> str:
    """Return the name that a query asks about.

    :raises ValueError: if it is no query for one name.
    """
    try:
        _, flags, questions, *_ = _HEADER.unpack_from(query)
        if flags & (_IS_ANSWER | _OPCODE) or questions != 1:
            raise ValueError("not a query for one name")
        name, _ = _read_name(query, _HEADER.size)
    except (struct.error, IndexError) as error:
        raise ValueError("a query that is cut off") from error
    return name


def query_for(name: str, kind: int, identifier: int) -> bytes:
    """Return a query for the addresses of a name.

    :param kind: `A` or `AAAA`.
    """
    labels = b"".join(bytes([len(label)]) + label for label in name.encode("ascii").split(b"."))
    header = _HEADER.pack(identifier, _WANTS_RECURSION, 1, 0, 0, 0)
    return header + labels + b"\0" + struct.pack("!HH", kind, _INTERNET)


def refusal(query: bytes, code: int) -> bytes:
    """Return an answer to a query that has nothing but a code."""
    identifier, flags, *_ = _HEADER.unpack_from(query)
    _, end = _read_name(query, _HEADER.size)
    flags = _IS_ANSWER | flags & _WANTS_RECURSION | _CAN_RECURSE | code
    return _HEADER.pack(identifier, flags, 1, 0, 0, 0) + query[_HEADER.size : end + 4]


def addresses_in(answer: bytes) -> list[str]:
    """Return the addresses that an answer has; none if it is malformed."""
    try:
        return list(_addresses(answer))
    except (struct.error, IndexError, ValueError):
        return []


def _addresses(answer: bytes) -> Iterator[str]:
    _, _, questions, answers, _, _ = _HEADER.unpack_from(answer)
    place = _HEADER.size
    for _ in range(questions):
        _, place = _read_name(answer, place)
        place += 4
    for _ in range(answers):
        _, place = _read_name(answer, place)
        kind, _, _, length = _FIXED.unpack_from(answer, place)
        place += _FIXED.size
        if family := _FAMILIES.get((kind, length)):
            yield socket.inet_ntop(family, answer[place : place + length])
        place += length


def _read_name(message: bytes, place: int) -> tuple[str, int]:
    """Return a name, and where what follows it begins.

    :raises IndexError, ValueError: if it is malformed.
    """
    labels: list[str] = []
    end = 0
    for _ in range(_MOST_STEPS):
        length = message[place]
        if length & _POINTER == _POINTER:
            end = end or place + 2
            place = (length & ~_POINTER) << 8 | message[place + 1]
        elif length:
            labels.append(message[place + 1 : place + 1 + length].decode("latin-1"))
            place += 1 + length
        else:
            return ".".join(labels), end or place + 1
    raise ValueError("a name that does not end")
