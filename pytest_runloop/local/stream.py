"""Output as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from .clock import Clock
from .notice import hold
from .output import Output, decoded

_CHUNK = 64 * 1024


class OutputStream:
    """Everything of an output from an offset on, until it is complete.

    Each event carries the offset behind it, so that a client which continues there neither loses
    nor repeats anything, and no event splits a character.

    :param output: what to send.
    :param offset: where to begin, in bytes.
    :param silence: seconds without output after which a comment keeps the connection alive.
    """

    length = None

    def __init__(self, output: Output, offset: int, clock: Clock, silence: float) -> None:
        self._output = output
        self._offset = offset
        self._clock = clock
        self._silence = silence

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # Sent at once: the client sees that the stream is there before the command prints.
        yield b": output follows\n\n"
        while not self._finished():
            if event := await self._next_event():
                yield event
            elif not await self._grown():
                yield b": still running\n\n"
        if self._output.lost:
            yield error_event(507, self._output.lost)

    def _finished(self) -> bool:
        return self._output.closed and self._offset >= self._output.size

    async def _next_event(self) -> bytes:
        data = await self._output.read(self._offset, _CHUNK)
        last = self._output.closed and self._offset + len(data) == self._output.size
        text, used = decoded(data, final=last)
        if not used:
            return b""
        self._offset += used
        event = json.dumps({"output": text, "offset": self._offset}, ensure_ascii=False)
        return b"data: " + event.encode() + b"\n\n"

    async def _grown(self) -> bool:
        before = self._output.size
        return await hold(self._clock, self._output.changed, lambda: self._moved(before), self._silence)

    def _moved(self, before: int) -> bool:
        return self._output.closed or self._output.size > before

    async def aclose(self) -> None:
        """Nothing is held."""


def error_event(status: int, message: str) -> bytes:
    """Return the event that tells why a stream ends before its time."""
    return b"event: error\ndata: " + json.dumps({"code": status, "message": message}).encode() + b"\n\n"
