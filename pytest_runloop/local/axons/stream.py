"""An axon's events as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from ...contract.views.axons import AxonEventView
from ..clock import Clock
from ..errors import ApiError
from ..notice import hold
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
        while not self._channel.closed and self._lives():
            events = await self._next()
            for event in events:
                self._position = event.sequence
                yield b"data: " + event.model_dump_json().encode() + b"\n\n"
            if not events and not await self._grown():
                self._behind = True  # Another server may have published.
                yield b": nothing new\n\n"

    async def _next(self) -> Sequence[AxonEventView]:
        known = self._channel.tail.after(self._position)
        if known or not (self._behind or self._channel.published > self._position):
            return known
        try:
            events = await self._channel.after(self._position)
        except ApiError:
            if self._channel.closed or not self._lives():
                return ()
            raise
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
