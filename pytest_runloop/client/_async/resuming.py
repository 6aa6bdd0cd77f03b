"""Streams that outlast their connections: whether one that broke is asked for again, and when."""

from __future__ import annotations

from typing import Final

from ..concurrency import async_sleep
from ..errors import APIError, APIStatusError, hide_from_traceback
from ..polling import Pacer
from ..retries import RetryPolicy, is_passing

__tracebackhide__ = hide_from_traceback

_LASTING_SECONDS: Final = 10.0
"""A connection that stood for so long shows that the service is there."""


class AsyncResuming:
    """The patience with one stream.

    :param retries: how failed requests are repeated.
    """

    def __init__(self, retries: RetryPolicy) -> None:
        self._retries = retries
        self._failures = 0
        self._pacer = Pacer()

    def got_further(self) -> None:
        """Take note that something new has come."""
        self._failures = 0

    async def bear(self, error: APIError, seconds: float) -> None:
        """Pause before the stream is resumed, or raise what cannot be borne any longer.

        :param error: what ended the connection.
        :param seconds: how long it stood.
        """
        pause = self._pacer.pause_after(seconds)
        if isinstance(error, APIStatusError) and error.status_code == 408:
            await async_sleep(pause)
            return
        if seconds >= _LASTING_SECONDS:
            self._failures = 0
        if self._failures >= self._retries.max_retries or not is_passing(error):
            error.attempts = self._failures + 1
            raise error
        if self._failures or isinstance(error, APIStatusError):
            pause = self._retries.asked_pause(error) or self._retries.backoff(self._failures)
        self._failures += 1
        await async_sleep(pause)
