"""Endpoints that only older releases of the official SDK have: they and we send the same request.

Those of today's release are compared in `tests/client`.
"""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from typing import Any, get_type_hints

import httpx
import pytest

from pytest_runloop import Runloop
from pytest_runloop.client.errors import APIError
from pytest_runloop.contract.all_endpoints import ALL
from pytest_runloop.contract.endpoint import Endpoint

from . import known
from .recording import KEY, URL, told
from .releases import NotInstallableError, python_of
from .test_releases import ROOT
from .values import value

NEWER = {"1.2.0": ("1.32.0", "3.0.0"), "1.32.0": ("3.0.0",)}
"""Releases, each with those whose endpoints are compared elsewhere."""
NOT_IN_THE_SDK = {
    "include_total_count": "Of all lists in later releases; whoever does not send it, gets the count.",
    "name": "A filter of runs in 1.32.0, under their later path.",
    "search": "As `name`.",
    "state": "As `name`.",
}
"""Parameters that the releases do not have with these endpoints, with the reason that we do."""


def only_in(release: str) -> list[Endpoint[Any]]:
    """Return the endpoints that are compared with a release."""
    newer = set().union(*map(known.endpoints, NEWER[release]))
    return [one for one in ALL if known.key(one) in known.endpoints(release) - newer]


def values_of(endpoint: Endpoint[Any]) -> dict[str, Any]:
    """Return values for all parameters of an endpoint."""
    hints = get_type_hints(endpoint.params, include_extras=True) if endpoint.params else {}
    return {name: value(kind) for name, kind in hints.items()}


def sent(endpoint: Endpoint[Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return what our client sends."""
    requests: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(told(request))
        return httpx.Response(404, json={"message": "no"})

    with Runloop(URL, KEY, transport=httpx.MockTransport(answer)) as client, suppress(APIError):
        client.call(endpoint, dict.fromkeys(endpoint.path_names, "an id"), **values)
    (request,) = requests
    return request


@pytest.mark.parametrize("release", NEWER)
def test_both_clients_send_the_same_request(release: str) -> None:
    try:
        python = python_of(release)
    except NotInstallableError as error:
        pytest.skip(f"runloop_api_client {release} cannot be installed: {error}")
    wanted = {known.key(endpoint): values_of(endpoint) for endpoint in only_in(release)}
    done = subprocess.run(
        [python, "-W", "ignore", "-m", "tests.sdk.recording"],
        cwd=ROOT,
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    more: set[str] = set()
    for key, of_sdk in json.loads(done.stdout).items():
        (endpoint,) = [one for one in ALL if known.key(one) == key]
        ours = sent(endpoint, {name: wanted[key][name] for name in of_sdk["names"]})
        assert ours == of_sdk["request"], endpoint
        more |= wanted[key].keys() - of_sdk["names"]
    assert more <= NOT_IN_THE_SDK.keys()
