"""Reads server-sent events from bytes that arrive cut anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    :param name: its type; `message` where the stream names none.
    :param data: its data, the lines joined by newlines.
    """

    name: str
    data: bytes


class EventParser:
    """Takes bytes, gives the events that they complete.

    An event counts only when the empty line after it has arrived: what a broken connection cuts is
    dropped whole, so that a resumed stream can bring it again whole.
    """

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._after_return = False
        self._started = False
        self._name = "message"
        self._data: list[bytes] = []

    @property
    def unfinished(self) -> bool:
        """Whether an event has begun and has not ended."""
        return bool(self._data) or any(self._pending)

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take the next bytes and yield the events that they complete."""
        *complete, rest = self._with_plain_newlines(data).split(b"\n")
        if not complete:
            self._pending.append(rest)
            return
        complete[0] = b"".join((*self._pending, complete[0]))
        self._pending = [rest] if rest else []
        for line in complete:
            event = self._line(line)
            if event is not None:
                yield event

    def _with_plain_newlines(self, data: bytes) -> bytes:
        if self._after_return and data.startswith(b"\n"):
            data = data[1:]  # The second half of a CR LF; the CR has ended the line.
            self._after_return = False
        if data:
            self._after_return = data.endswith(b"\r")
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _line(self, line: bytes) -> Event | None:
        if not self._started:
            self._started = True
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            return self._end_of_event()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode(errors="replace")
        return None

    def _end_of_event(self) -> Event | None:
        event = Event(self._name, b"\n".join(self._data)) if self._data else None
        self._name, self._data = "message", []
        return event
