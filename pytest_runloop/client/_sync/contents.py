# Generated from ../_async/contents.py by scripts/unasync.py: change that file, and run the script.
"""Sends and fetches the content of storage objects, at the signed addresses that the service gives.

The store is not the API: it never gets the API key, and nothing that it answers is followed elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import httpx

from ..concurrency import Step, file_pieces
from ..contents import Address, address_of, refused, unreached
from ..errors import APIError, hide_from_traceback
from ..secret import Secret
from ..settings import SLOW_SECONDS
from ..sources import Source
from .transport import Transport

__tracebackhide__ = hide_from_traceback

T = TypeVar("T")


class Contents:
    """The store of contents.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def put(self, url: Secret, headers: Mapping[str, str], source: Source) -> None:
        """Send a content; tried again for a passing reason, if it can be read again.

        :param headers: what was signed with the address. No other header of ours may go with it.
        :raises APIError: if the store does not take it.
        """
        address = address_of(url, self._transport.settings.base_url)
        length = {} if source.size is None else {"Content-Length": str(source.size)}

        def attempt(_: int) -> None:
            pieces = file_pieces(source)
            self._answered("PUT", address, {**headers, **length}, pieces, _drained)

        self._transport.repeated(attempt, repeatable=source.rewindable)

    def get(self, url: Secret, consume: Step[httpx.Response, T]) -> T:
        """Fetch a content.

        :param consume: reads it; called anew for each try.
        :raises APIError: if the store does not give it.
        """
        address = address_of(url, self._transport.settings.base_url)

        def attempt(_: int) -> T:
            return self._answered("GET", address, {}, b"", consume)

        return self._transport.repeated(attempt, repeatable=True)

    def _answered(
        self,
        method: str,
        address: Address,
        headers: Mapping[str, str],
        content: object,
        consume: Step[httpx.Response, T],
    ) -> T:
        failure: APIError
        try:
            pool = self._transport.elsewhere(address.origin)
            response = pool.handle_request(self._request(method, address, headers, content))
            try:
                if response.status_code >= 300:
                    raise refused(response, response.read(), method, address)
                return consume(response)
            finally:
                response.close()
        except httpx.TransportError as error:
            failure = unreached(error, method, address)
        # Outside of the handler: the exceptions below hold the request, and with it the signature.
        raise failure

    def _request(
        self, method: str, address: Address, headers: Mapping[str, str], content: object
    ) -> httpx.Request:
        seconds = self._transport.settings.timeout or SLOW_SECONDS
        return httpx.Request(
            method,
            address.url.reveal(),
            headers=dict(headers),
            content=content,  # type: ignore[arg-type]
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds)},
        )


def _drained(response: httpx.Response) -> None:
    response.read()
