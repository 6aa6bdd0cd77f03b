# Generated from ../_async/transport.py by scripts/unasync.py: change that file, and run the script.
"""Sends requests: one at a time, repeated where that may help, or as streams."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, TypeVar

import httpx

from ...contract.endpoint import Endpoint
from ..answers import body_of, connection_error, decode, status_error
from ..concurrency import Step, ended, pieces, sleep, whole
from ..errors import Answer, APIError, hide_from_traceback
from ..observing import Observer, observed
from ..pools import Pools
from ..requests import Prepared, prepare
from ..retries import RetryPolicy
from ..settings import Settings
from ..sources import Multipart

__tracebackhide__ = hide_from_traceback

R = TypeVar("R")
T = TypeVar("T")
Parameters = Mapping[str, Any]

_LOG: Final = logging.getLogger("pytest_runloop.client")


class Transport:
    """Carries the calls of one client.

    :param settings: the client's.
    :param pools: its connections.
    :param retries: how failed requests are repeated.
    :param observer: who is told of the calls.
    """

    def __init__(
        self, settings: Settings, pools: Pools, retries: RetryPolicy, observer: Observer | None = None
    ) -> None:
        self.settings = settings
        self.retries = retries
        self.observer = observer
        self._pools = pools

    def unobserved(self) -> Transport:
        """Return the same for calls that are none of the user's."""
        return Transport(self.settings, self._pools, self.retries)

    def call(
        self,
        endpoint: Endpoint[R],
        path: Mapping[str, str],
        values: Parameters | None = None,
        *,
        once: bool = False,
    ) -> R:
        """Carry out a call and return its answer.

        :param endpoint: the call.
        :param path: the path parameters.
        :param values: the other parameters and the options of a request.
        :param once: do not repeat it, whatever comes.
        :raises APIError: if it fails for good.
        """
        prepared = prepare(endpoint, path, values or {}, self.settings)

        def decoded(response: httpx.Response) -> R:
            return decode(prepared.returns, whole(response), prepared.info)

        with observed(self.observer, endpoint, path, values or {}) as call:
            call.answer = answer = self._performed(prepared, decoded, once)
            return answer

    def receive(
        self,
        endpoint: Endpoint[bytes],
        path: Mapping[str, str],
        values: Parameters,
        consume: Step[httpx.Response, T],
    ) -> T:
        """Carry out a call whose answer is read piece by piece.

        :param consume: reads it; called anew for each try.
        :raises APIError: if it fails for good.
        """
        prepared = prepare(endpoint, path, values, self.settings)
        with observed(self.observer, endpoint, path, values) as call:
            call.answer = answer = self._performed(prepared, consume, once=False)
            return answer

    @contextmanager
    def opened(
        self, endpoint: Endpoint[Any], path: Mapping[str, str], values: Parameters
    ) -> Iterator[Iterator[bytes]]:
        """Open a stream and give its bytes; never repeated.

        :raises APIError: if it cannot be opened, or breaks.
        """
        prepared = prepare(endpoint, path, values, self.settings)
        with observed(self.observer, endpoint, path, values):
            failure: APIError
            try:
                response = self._sent(prepared)
                try:
                    self._refuse_failures(response, prepared)
                    with ended(response.iter_raw()) as received:
                        yield received
                    return
                finally:
                    response.close()
            except httpx.TransportError as error:
                failure = self._unreached(error, prepared)
            raise failure

    def elsewhere(self, origin: str) -> httpx.BaseTransport:
        """Return the connections to another host than the API's.

        :param origin: scheme, host and port.
        """
        return self._pools.elsewhere(origin)

    def close(self) -> None:
        """Close the connections."""
        self._pools.close()

    def _performed(self, prepared: Prepared[Any], consume: Step[httpx.Response, T], once: bool) -> T:
        def attempt(_: int) -> T:
            return self._tried(prepared, consume)

        return self.repeated(attempt, repeatable=prepared.repeatable and not once)

    def repeated(self, attempt: Step[int, T], *, repeatable: bool) -> T:
        """Try something until it succeeds, or fails for good.

        :param attempt: one try; it gets the number of those that failed.
        :raises APIError: if it fails for good.
        """
        failures, sent = 0, False
        while True:
            try:
                return attempt(failures)
            except APIError as error:
                error.attempts = failures + 1
                error.sent = sent = sent or error.sent
                pause = self.retries.pause(error, failures) if repeatable else None
                if pause is None:
                    raise
                _LOG.info("%s; trying again in %.1f s", error, pause)
            failures += 1
            sleep(pause)

    def _tried(self, prepared: Prepared[Any], consume: Step[httpx.Response, T]) -> T:
        failure: APIError
        try:
            response = self._sent(prepared)
            try:
                self._refuse_failures(response, prepared)
                return consume(response)
            finally:
                response.close()
        except httpx.TransportError as error:
            failure = self._unreached(error, prepared)
        # Outside of the handler: the exceptions below hold the request's headers, and with them the key.
        raise failure

    def _sent(self, prepared: Prepared[Any]) -> httpx.Response:
        pool = self._pools.lane(prepared.lane)
        return pool.handle_request(self._request(prepared))

    def _request(self, prepared: Prepared[Any]) -> httpx.Request:
        content = prepared.content
        key = ("Authorization", f"Bearer {self.settings.api_key.reveal()}")
        return httpx.Request(
            prepared.info.method,
            _parsed(prepared.info.url),
            headers=[key, *prepared.headers],
            content=pieces(content) if isinstance(content, Multipart) else content,
            extensions={"timeout": prepared.timeouts},
        )

    def _refuse_failures(self, response: httpx.Response, prepared: Prepared[Any]) -> None:
        if response.status_code < 300:
            return
        body = body_of(response.read())
        answer = Answer(response.status_code, dict(response.headers), body)
        raise status_error(answer, prepared.info, self.settings)

    def _unreached(self, error: httpx.TransportError, prepared: Prepared[Any]) -> APIError:
        timed_out = isinstance(error, httpx.TimeoutException)
        return connection_error(error, timed_out, prepared.info, self.settings)


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    # Parsing is a tenth of a call's time, and a devbox's calls go to the same few addresses.
    return httpx.URL(url)
