"""What the server publishes about itself."""

from __future__ import annotations

import json
from typing import Any, get_type_hints

import httpx
import pytest
from pydantic.fields import FieldInfo

from pytest_runloop.contract.all_endpoints import ALL, NAMED
from pytest_runloop.contract.endpoint import Endpoint
from pytest_runloop.contract.endpoints import devboxes, executions, snapshots
from pytest_runloop.local import openapi

from .running import Server

_NAMES = {endpoint: name for name, endpoint in NAMED.items()}
DOCUMENT: dict[str, Any] = json.loads(openapi.encoded())


def operation(endpoint: Endpoint[Any]) -> dict[str, Any]:
    """Return what the document says of an endpoint."""
    found: dict[str, Any] = DOCUMENT["paths"][endpoint.path][endpoint.verb.lower()]
    return found


def test_it_is_served_without_a_key_and_is_what_the_contract_says(backend: Server) -> None:
    answer = httpx.get(f"{backend.base_url}/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == DOCUMENT


@pytest.mark.parametrize("endpoint", ALL, ids=str)
def test_every_endpoint_is_in_it_under_a_name_of_its_own(endpoint: Endpoint[Any]) -> None:
    assert operation(endpoint)["operationId"] == _NAMES[endpoint].replace(".", "_")
    names = [other["operationId"] for path in DOCUMENT["paths"].values() for other in path.values()]
    assert len(names) == len(set(names)) == len(ALL)


@pytest.mark.parametrize("endpoint", ALL, ids=str)
def test_every_parameter_is_in_it_where_it_travels(endpoint: Endpoint[Any]) -> None:
    found = operation(endpoint)
    places = {(one["in"], one["name"]) for one in found["parameters"]}
    for content in found.get("requestBody", {"content": {}})["content"].values():
        places |= {("body", name) for name in content["schema"]["properties"]}
    hints = get_type_hints(endpoint.params, include_extras=True) if endpoint.params else {}
    aliases = {name: _alias(hint) or endpoint.wire.get(name, name) for name, hint in hints.items()}
    assert places == {("path", name) for name in endpoint.path_names} | {
        ("query" if endpoint.travels_in_query(name) else "body", alias) for name, alias in aliases.items()
    }


def _alias(hint: Any) -> str | None:
    return next((one.alias for one in getattr(hint, "__metadata__", ()) if isinstance(one, FieldInfo)), None)


def test_what_a_reference_points_at_is_there() -> None:
    def references(value: object) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    there = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert references(DOCUMENT) <= there


def test_names_on_the_wire_required_keys_and_bounds_are_those_of_the_contract() -> None:
    names = [one["name"] for one in operation(snapshots.LIST)["parameters"]]
    assert {"metadata[key]", "metadata[key][in]"} <= set(names)
    body = operation(executions.EXECUTE)["requestBody"]
    assert body["required"]
    assert body["content"]["application/json"]["schema"]["required"] == ["command", "command_id"]
    limit = next(one for one in operation(devboxes.LIST)["parameters"] if one["name"] == "limit")
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"]) == (1, 5000)


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        (devboxes.READ_FILE_CONTENTS, "text/plain"),
        (devboxes.DOWNLOAD_FILE, "application/octet-stream"),
        (devboxes.TAIL_LOGS, "text/event-stream"),
        (devboxes.KEEP_ALIVE, "application/json"),
        (devboxes.CREATE, "application/json"),
    ],
)
def test_an_answer_has_the_content_type_of_its_kind(endpoint: Endpoint[Any], kind: str) -> None:
    assert list(operation(endpoint)["responses"]["200"]["content"]) == [kind]
