"""Every endpoint of the official SDK 3.0.0 is called with all that both know: both send the same request."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import Any, get_type_hints

import httpx
import pytest
import runloop_api_client as sdk

from pytest_runloop import Runloop
from pytest_runloop.client.errors import APIError
from pytest_runloop.contract.all_endpoints import ALL
from pytest_runloop.contract.endpoint import Endpoint, EventStream
from pytest_runloop.contract.endpoints.devboxes import WAIT_FOR_STATUS
from tests.local.running import NO_CERTIFICATES
from tests.sdk import known, methods
from tests.sdk.values import value

from .test_same_requests_as_the_official_sdk import KEY, told

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
URL = "http://api.test"
NOT_IN_THE_SDK = {
    "named_build_contexts": "In the reference of 2025, hidden since 1.0.0.",
    "port": "Of remove_tunnel: one tunnel a port, as until 1.12.",
    "repo_connection_id": "Repository connections, as until 1.14.",
    "shell_name": "Named shells, as until 2.0.",
}
"""Parameters that this release of the SDK does not have, with the reason that we do."""
METHODS = methods.found(sdk.Runloop)


def recorded(call: Any) -> list[dict[str, Any]]:
    """Return what is sent by a call of a client with this HTTP transport."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        requests.append(request)
        return httpx.Response(404, json={"message": "no"})

    with suppress(sdk.NotFoundError, APIError):
        call(httpx.MockTransport(answer))
    # What has to be escaped in a query is a matter of taste, and `+` and `%20` are the same.
    return [told(request) | {"query": sorted(request.url.params.multi_items())} for request in requests]


def known_to_the_sdk(endpoint: Endpoint[Any]) -> set[str]:
    """Return the names of the parameters that the SDK's method takes."""
    with (
        httpx.Client(verify=NO_CERTIFICATES) as http,
        sdk.Runloop(bearer_token=KEY, base_url=URL, http_client=http) as client,
    ):
        method = methods.resolved(client, METHODS[known.key(endpoint)])
        return set(inspect.signature(method).parameters)


def hints(endpoint: Endpoint[Any]) -> dict[str, Any]:
    """Return the types of all parameters."""
    return get_type_hints(endpoint.params, include_extras=True) if endpoint.params else {}


# Streams are opened by the objects of a client; and for one call, the SDK has nothing but a loop of waits.
IN_BOTH = [one for one in ALL if known.key(one) in METHODS]
COMPARED = [one for one in IN_BOTH if not isinstance(one.returns, EventStream) and one is not WAIT_FOR_STATUS]


@pytest.mark.parametrize("endpoint", COMPARED, ids=str)
def test_both_clients_send_the_same_request(endpoint: Endpoint[Any]) -> None:
    theirs = known_to_the_sdk(endpoint)
    params = {name: value(kind) for name, kind in hints(endpoint).items() if name in theirs}
    method = METHODS[known.key(endpoint)]

    def ours(transport: httpx.MockTransport) -> None:
        with Runloop(URL, KEY, transport=transport) as client:
            client.call(endpoint, dict.fromkeys(endpoint.path_names, "an id"), **params)

    def official(transport: httpx.MockTransport) -> None:
        path = dict.fromkeys(method.names, "an id")
        with (
            httpx.Client(transport=transport) as http,
            sdk.Runloop(bearer_token=KEY, base_url=URL, http_client=http) as client,
        ):
            methods.resolved(client, method)(**path, **params)

    sent = recorded(ours)
    assert len(sent) == 1
    assert sent == recorded(official)


def test_what_only_we_have_has_a_reason() -> None:
    ours = {name for endpoint in COMPARED for name in hints(endpoint).keys() - known_to_the_sdk(endpoint)}
    assert ours == set(NOT_IN_THE_SDK)
