"""`python -m tests.sdk.recording`: tells what an SDK sends for endpoints, without a server.

Standard input has the endpoints, each with values for all of its parameters, as JSON; standard output gets,
for each, which of these the SDK knows and what it sent. Runs in the environment of an SDK: it uses nothing
but that and the standard library.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import sys
from typing import Any

import httpx
import runloop_api_client as sdk

from .methods import Method, found, resolved

URL = "http://api.test"
KEY = "ak_test"
_HEADERS = ("accept", "authorization", "content-type")


def told(request: httpx.Request) -> dict[str, Any]:
    """Return what matters of a request."""
    content = request.read()
    return {
        "call": f"{request.method} {request.url.raw_path.partition(b'?')[0].decode()}",
        # What has to be escaped in a query is a matter of taste, and the order means nothing.
        "query": sorted(map(list, request.url.params.multi_items())),
        "body": json.loads(content) if content else None,
        "headers": {name: request.headers.get(name) for name in _HEADERS},
        "has_key": "x-request-id" in request.headers,
    }


def recorded(method: Method, values: dict[str, Any]) -> dict[str, Any]:
    """Call an endpoint with those of the values that its method takes."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(404, json={"message": "no"})

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as http,
        sdk.Runloop(bearer_token=KEY, base_url=URL, http_client=http) as client,
    ):
        call = resolved(client, method)
        given = {name: value for name, value in values.items() if name in inspect.signature(call).parameters}
        with contextlib.suppress(sdk.NotFoundError):
            call(**dict.fromkeys(method.names, "an id"), **given)
    (request,) = requests
    return {"names": sorted(given), "request": told(request)}


def main(wanted: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Call all endpoints."""
    methods = found(sdk.Runloop)
    return {endpoint: recorded(methods[endpoint], values) for endpoint, values in wanted.items()}


if __name__ == "__main__":
    json.dump(main(json.load(sys.stdin)), sys.stdout)
