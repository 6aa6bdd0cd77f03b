"""An SDK's clients by endpoint, what they send, and the server's side of it.

Runs in the environment of an SDK: it uses nothing but that and the standard library.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from typing import Any

import httpx
import runloop_api_client as sdk

from .methods import Method, resolved


async def got(value: Any) -> Any:
    """Return a result, of whichever client."""
    return await value if inspect.isawaitable(value) else value


async def each(value: Any) -> AsyncIterator[Any]:
    """Yield the items of a page and of those after it, or the events of a stream."""
    many = await got(value)
    if hasattr(many, "__aiter__"):
        async for item in many:
            yield item
    else:
        for item in many:
            yield item


class Calls:
    """An SDK's client, by endpoint.

    :param wanted: the endpoints that the server declares.
    """

    def __init__(self, client: Any, methods: dict[str, Method], wanted: set[str]) -> None:
        self.client = client
        self._methods = methods
        self.endpoints = wanted & methods.keys()

    def has(self, endpoint: str) -> bool:
        """Tell whether both the SDK and the server have this endpoint."""
        return endpoint in self.endpoints

    def elsewhere(self, base_url: str, key: str) -> Calls:
        """Return the same for another address, with another key, over the same connections."""
        over = self.client._client  # Else it makes its own, and what is sent is not seen.
        client = self.client.with_options(base_url=base_url, bearer_token=key, http_client=over)
        return Calls(client, self._methods, self.endpoints)

    async def __call__(self, endpoint: str, /, *path: str, **params: Any) -> Any:
        """Call an endpoint.

        :param path: the values of the path's parameters, in order.
        :param params: the others.
        """
        method = self._methods[endpoint]
        arguments = dict(zip(method.names, path)) | params  # noqa: B905
        return await got(resolved(self.client, method)(**arguments))

    async def blindly(self, endpoint: str) -> Any:
        """Call an endpoint with the least that it takes: it leads nowhere."""
        method = self._methods[endpoint]
        return await self(endpoint, *["none"] * len(method.names), **method.needed)


@dataclass
class Wire:
    """What was sent: verb, path with query, and the id of the request."""

    requests: list[tuple[str, str, str]] = field(default_factory=list)

    def sent(self, request: httpx.Request) -> None:
        """Take note of a request."""
        key = request.headers.get("x-request-id", "")
        self.requests.append((request.method, request.url.raw_path.decode(), key))

    def places(self) -> list[tuple[str, str]]:
        """Return verbs and paths, each once."""
        return sorted({(verb, path.partition("?")[0]) for verb, path, _ in self.requests})

    async def sent_by_async(self, request: httpx.Request) -> None:
        """Take note of a request of the async client."""
        self.sent(request)


class Server:
    """The server, as a test has it: with a plan of faults."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self.http = httpx.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=60
        )

    def plan(self, text: str) -> None:
        """Replace the plan."""
        self._before = self._log(0)["last"]
        answer = self.http.post("/_local/faults", json={"text": text})
        assert answer.status_code == 200, answer.text

    def struck(self) -> int:
        """Return how many faults of the plan there were."""
        return len(self._log(self._before)["faults"])

    def _log(self, after: int) -> Any:
        return self.http.get(f"/_local/faults/log?after={after}").json()


async def stored_object(call: Calls, text: str, name: str = "an object") -> str:
    """Store a text, and return the object's id."""
    view = await call("POST /v1/objects", name=name, content_type="text")
    headers = getattr(view, "upload_headers", None) or {}
    assert httpx.put(view.upload_url, content=text, headers=headers).status_code == 200
    assert (await call("POST /v1/objects/{}/complete", view.id)).state == "READ_ONLY"
    return str(view.id)


async def refused(kind: type[sdk.APIStatusError], status: int, call: Awaitable[Any]) -> None:
    """Check that a call ends with this error, in which the server says why."""
    try:
        await call
    except kind as error:
        assert error.status_code == status, error
        assert isinstance(error.body, dict), error
        assert error.body["message"], error
    else:
        raise AssertionError(f"no {kind.__name__}")
