"""A devbox's log as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from ..contract.views.devboxes import DevboxLog
from .clock import Clock
from .logbook import Logbook
from .notice import hold


class LogStream:
    """The lines that are there, and those that come, until the log is closed.

    :param wanted: tells which lines to send.
    :param silence: seconds without a line after which a comment keeps the connection alive.
    """

    length = None

    def __init__(
        self, log: Logbook, wanted: Callable[[DevboxLog], bool], clock: Clock, silence: float
    ) -> None:
        self._log = log
        self._wanted = wanted
        self._clock = clock
        self._silence = silence
        self._position = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # Sent at once: the client sees that the stream is there before there is a line.
        yield b": the log follows\n\n"
        while not self._finished():
            lines, self._position = self._log.since(self._position)
            for line in filter(self._wanted, lines):
                yield b"data: " + line.model_dump_json().encode() + b"\n\n"
            if not await self._grown():
                yield b": nothing new\n\n"

    def _finished(self) -> bool:
        return self._log.closed and self._position == self._log.count

    async def _grown(self) -> bool:
        return await hold(
            self._clock,
            self._log.changed,
            lambda: self._log.closed or self._log.count > self._position,
            self._silence,
        )

    async def aclose(self) -> None:
        """Nothing is held."""
