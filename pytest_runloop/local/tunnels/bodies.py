"""How far the body of an HTTP/1 message goes. Its bytes are counted, and never changed."""

from __future__ import annotations

import re
from typing import Protocol

from .heads import HeadError, Request, Response

_SIZE = re.compile(rb"[0-9a-fA-F]{1,15}")
_LONGEST_LINE = 16 * 1024


class Body(Protocol):
    """What is left of a body."""

    left: int
    """How many bytes are at least left of it, before anything of it must be looked at."""

    @property
    def done(self) -> bool:
        """Whether nothing is left."""

    def take(self, data: bytearray, start: int, end: int) -> int:
        """Count the bytes of `data` between start and end, and return where those of this body end.

        :raises HeadError: if the body is not as HTTP has it.
        """


class Sized:
    """A body of a known size."""

    def __init__(self, size: int) -> None:
        self.left = size

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.left == 0

    def take(self, data: bytearray, start: int, end: int) -> int:
        """Count."""
        step = min(self.left, end - start)
        self.left -= step
        return start + step


class Endless:
    """A body that ends with the connection, or another protocol."""

    done = False
    left = 2**63 - 1

    def take(self, data: bytearray, start: int, end: int) -> int:
        """Take everything."""
        return end


class Chunked:
    """A body in chunks, each with its size before it."""

    def __init__(self) -> None:
        self.done = False
        self.left = 0  # of a chunk and the line end after it
        self._line = bytearray()
        self._trailing = False

    def take(self, data: bytearray, start: int, end: int) -> int:
        """Count."""
        while start < end and not self.done:
            if self.left:
                step = min(self.left, end - start)
                self.left -= step
                start += step
            else:
                start = self._take_line(data, start, end)
        return start

    def _take_line(self, data: bytearray, start: int, end: int) -> int:
        found = data.find(b"\n", start, end)
        self._line += data[start : end if found < 0 else found]
        if len(self._line) > _LONGEST_LINE:
            raise HeadError("a line between two chunks of the body is too long")
        if found < 0:
            return end
        line = bytes(self._line).removesuffix(b"\r")
        self._line.clear()
        self._read(line)
        return found + 1

    def _read(self, line: bytes) -> None:
        if self._trailing:
            self.done = not line
            return
        size = line.partition(b";")[0].strip(b" \t")
        if not _SIZE.fullmatch(size):
            raise HeadError(f"{line[:40].decode('latin-1')!r} is no size of a chunk")
        self.left = int(size, 16)
        self._trailing = not self.left
        if self.left:
            self.left += len(b"\r\n")


def body_of_request(request: Request) -> Body:
    """Return the body that follows a request's head.

    :raises HeadError: if its fields contradict each other, so that the service might see another end than we.
    """
    codings, sizes = request.head.tokens(b"transfer-encoding"), request.head.values(b"content-length")
    if not codings:
        return Sized(_size(sizes))
    if codings[-1] != b"chunked" or sizes:
        raise HeadError("Transfer-Encoding must end in `chunked`, and excludes Content-Length")
    return Chunked()


def body_of_response(response: Response, method: bytes) -> Body:
    """Return the body that follows an answer's head.

    :param method: of the request that it answers.
    :raises HeadError: if its size is no number.
    """
    if method == b"HEAD" or response.status in (204, 304):
        return Sized(0)
    codings, sizes = response.head.tokens(b"transfer-encoding"), response.head.values(b"content-length")
    if codings:
        return Chunked() if codings[-1] == b"chunked" else Endless()
    return Sized(_size(sizes)) if sizes else Endless()


def _size(values: list[bytes]) -> int:
    sizes = {size.strip(b" \t") for value in values for size in value.split(b",")}
    if not sizes:
        return 0
    if len(sizes) > 1 or not re.fullmatch(rb"\d{1,18}", size := sizes.pop()):
        raise HeadError("Content-Length is not one number")
    return int(size)
