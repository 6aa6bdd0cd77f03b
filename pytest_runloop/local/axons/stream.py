"""An axon's events as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from ...contract.views.axons import AxonEventView
from ..clock import Clock
from ..errors import ApiError
from ..notice import hold
from ..stream import error_event
from .channel import Channel


class EventStream:
    """All events after a sequence number, those there are and those that come, until the axon is deleted.

    Nothing waits here for a client that reads slowly: what it has not got yet is in the axon's file.

    :param after: the sequence number.
    :param lives: tells whether the axon is not deleted, by whichever server.
    :param silence: seconds without an event after which a comment keeps the connection alive.
    """

    length = None

    def __init__(
        self, channel: Channel, after: int, lives: Callable[[], bool], clock: Clock, silence: float
    ) -> None:
        self._channel = channel
        self._position = max(after, 0)  # The first event has the number 1.
        self._lives = lives
        self._clock = clock
        self._silence = silence
        self._behind = True
        channel.followers += 1

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # Sent at once: the client sees that the stream is there before there is an event.
        yield b": events follow\n\n"
        try:
            while piece := await self._piece():
                yield piece
        except ApiError as error:
            if not self._channel.closed and self._lives():
                yield error_event(error.status, error.message)

    async def _piece(self) -> bytes:
        """Return what to send next: nothing at the end."""
        while not self._channel.closed:
            if events := await self._next():
                self._position = events[-1].sequence
                return b"".join(b"data: " + event.model_dump_json().encode() + b"\n\n" for event in events)
            if not await self._grown():
                # Another server may have published, or deleted the axon.
                self._behind = True
                return b": nothing new\n\n" if self._lives() else b""
        return b""

    async def _next(self) -> Sequence[AxonEventView]:
        known = self._channel.tail.after(self._position)
        if known or not (self._behind or self._channel.published > self._position):
            return known
        events = await self._channel.after(self._position)
        self._behind = bool(events)
        return events

    async def _grown(self) -> bool:
        channel = self._channel
        return await hold(
            self._clock,
            channel.changed,
            lambda: channel.closed or channel.published > self._position,
            self._silence,
        )

    async def aclose(self) -> None:
        """Follow no longer."""
        self._channel.followers -= 1
        if not self._channel.followers:
            self._channel.tail.clear()
