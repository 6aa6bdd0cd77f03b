"""Which requests the names of calls mean."""

from __future__ import annotations

import pytest

from pytest_runloop.contract.all_endpoints import ALL, NAMED
from pytest_runloop.local.faults.endpoints import identify, matches, names_a_devbox


def test_every_declared_endpoint_has_a_name() -> None:
    assert {id(endpoint) for endpoint in NAMED.values()} == {id(endpoint) for endpoint in ALL}


@pytest.mark.parametrize("name", NAMED)
def test_a_request_is_told_by_verb_and_path(name: str) -> None:
    endpoint = NAMED[name]
    path = endpoint.path.format_map(dict.fromkeys(endpoint.path_names, "dbx_0000000001"))
    call = identify(endpoint.verb, path)
    assert call.endpoint == name
    assert (call.devbox_id == "dbx_0000000001") == names_a_devbox(name)


@pytest.mark.parametrize(
    ("verb", "path", "endpoint", "devbox_id"),
    [
        ("GET", "/v1/levitations/lev_0123456789abcdef", "GET /v1/levitations/{id}", None),
        (
            "POST",
            "/v1/devboxes/dbx_0123456789/levitate",
            "POST /v1/devboxes/{id}/levitate",
            "dbx_0123456789",
        ),
        ("GET", "/v1/devboxes/disk_snapshots", "snapshots.list", None),
        ("GET", "/v1/devboxes/disk_snapshots/snp_0123456789/status", "snapshots.status", None),
    ],
)
def test_ids_are_no_part_of_a_call(verb: str, path: str, endpoint: str, devbox_id: str | None) -> None:
    call = identify(verb, path)
    assert (call.endpoint, call.devbox_id) == (endpoint, devbox_id)


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("*", True),
        ("devboxes.create", True),
        ("create", True),
        ("devboxes.*", True),
        ("*.create", True),
        ("POST /v1/devboxes", True),
        ("* /v1/*", True),
        ("blueprints.create", False),
        ("devboxes.create_*", False),
        ("GET /v1/devboxes", False),
    ],
)
def test_patterns(pattern: str, meant: bool) -> None:
    assert matches(pattern, identify("POST", "/v1/devboxes")) is meant


def test_an_undeclared_call_may_have_a_devbox_in_its_path() -> None:
    assert names_a_devbox("POST /v1/devboxes/*/levitate")


def test_a_star_means_calls_that_are_not_declared_too() -> None:
    assert matches("*", identify("GET", "/v1/levitations"))
    assert matches("GET /v1/lev*", identify("GET", "/v1/levitations"))
