"""Anything at all is sent to every endpoint: the answer is one that the server's own OpenAPI document names.

`make fuzz` sends much more, from a seed that changes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from pytest_runloop.contract.all_endpoints import ALL
from pytest_runloop.contract.endpoint import Endpoint, EventStream
from pytest_runloop.local import openapi

from .box import Box
from .hasty import hasty_server
from .running import PATIENCE, Server

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))
"""For each endpoint."""
SEED = int(os.environ.get("FUZZ_SEED", "1"))
SCHEMA = schemathesis.openapi.from_dict(json.loads(openapi.encoded()), config=SchemathesisConfig())
checks.load_all_checks()
REJECTION = "negative_data_rejection"
CHECKS = checks.CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        REJECTION,
    ]
)
pytestmark = pytest.mark.timeout(max(120, EXAMPLES * 5))


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the best tier, which holds no request for long."""
    with hasty_server(tmp_path_factory.mktemp("hasty")) as running:
        if running.ready["isolation"] == "process":
            pytest.skip("plain processes may write anywhere on this machine, and any path is written to")
        yield running


@pytest.fixture
def client(hasty: Server) -> Iterator[httpx.Client]:
    """A client; the devboxes that are left at the end of a test are ended."""
    with hasty.client() as api:
        yield api
        for view in api.get("/v1/devboxes?limit=5000").json()["devboxes"]:
            if view["status"] not in ("shutdown", "failure"):
                assert api.post(f"/v1/devboxes/{view['id']}/shutdown?force=true").status_code == 200


def known(api: httpx.Client, endpoint: Endpoint[Any]) -> dict[str, list[str]]:
    """Return values of the path's parameters that lead somewhere: of what the lists of the server show."""
    box = Box.create(api)
    execution = box.begin("true")
    box.finish(execution)
    if isinstance(endpoint.returns, EventStream):
        box.end()  # That ends the stream, which otherwise goes on for as long as the devbox does.
    if endpoint.path.startswith("/v1/axons/{"):
        axon = api.post("/v1/axons", json={}).json()["id"]
        if isinstance(endpoint.returns, EventStream):
            api.delete(f"/v1/axons/{axon}")  # As above.
    found = {"devbox_id": [box.id], "execution_id": [execution]}
    for name in set(endpoint.path_names) - found.keys():
        collection = endpoint.path.partition("/{")[0].removesuffix("/id")
        if collection == "/v1/devboxes":
            found[name] = [box.id]
        elif (answer := api.get(collection)).status_code == 200:
            items = next((value for value in answer.json().values() if isinstance(value, list)), [])
            found[name] = [item if isinstance(item, str) else item[name] for item in items]
    return found


def lost_on_the_way(case: Any) -> bool:
    """Tell whether what is wrong may be gone on the wire, where truth values and metadata are text too."""
    query = dict(case.query or {})
    return any(name.startswith("metadata[") or query[name] in ("true", "false") for name in query)


@pytest.mark.parametrize("endpoint", ALL, ids=str)
def test_whatever_is_sent_is_answered_as_documented(
    endpoint: Endpoint[Any], client: httpx.Client, hasty: Server
) -> None:
    operation = SCHEMA[endpoint.path][endpoint.verb]
    places = known(client, endpoint)
    cases = operation.as_strategy(GenerationMode.POSITIVE) | operation.as_strategy(GenerationMode.NEGATIVE)

    @seed(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases, data=st.data())
    def attempt(case: Any, data: st.DataObject) -> None:
        for name, values in places.items():
            if name in endpoint.path_names and values and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(values))
        headers = {"Authorization": f"Bearer {hasty.api_key}"}
        wanted = [check for check in CHECKS if not (lost_on_the_way(case) and check.__name__ == REJECTION)]
        case.call_and_validate(base_url=hasty.base_url, headers=headers, checks=wanted, timeout=PATIENCE)

    attempt()
    assert client.get("/v1/devboxes?limit=1").status_code == 200
