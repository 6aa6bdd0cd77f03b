"""The server's routes come from the contract."""

from __future__ import annotations

import pytest

from pytest_runloop.contract.all_endpoints import ALL
from pytest_runloop.contract.endpoints import devboxes, snapshots
from pytest_runloop.local.errors import ApiError
from pytest_runloop.local.handlers import HANDLERS
from pytest_runloop.local.routing import Routes

ROUTES = Routes(HANDLERS)


def test_every_declared_endpoint_has_a_handler() -> None:
    assert set(HANDLERS) == set(ALL)


@pytest.mark.parametrize("endpoint", ALL, ids=str)
def test_every_endpoint_is_found_by_its_path(endpoint: object) -> None:
    assert endpoint in ALL
    path = "/".join("x1" if part.startswith("{") else part for part in str(endpoint).split(" ")[1].split("/"))
    verb = str(endpoint).split(" ")[0]
    match = ROUTES.match(verb, path)
    assert match.endpoint == endpoint
    assert set(match.ids.values()) <= {"x1"}


def test_fixed_parts_win_over_ids() -> None:
    assert ROUTES.match("GET", "/v1/devboxes/disk_snapshots").endpoint is snapshots.LIST
    assert ROUTES.match("GET", "/v1/devboxes/other").endpoint is devboxes.RETRIEVE
    found = ROUTES.match("POST", "/v1/devboxes/create_and_await_running")
    assert found.endpoint is devboxes.CREATE_AND_AWAIT_RUNNING
    assert ROUTES.match("POST", "/v1/devboxes/disk_snapshots/suspend").endpoint is snapshots.UPDATE


def test_another_verb_is_refused_with_those_that_go() -> None:
    with pytest.raises(ApiError, match="takes GET or POST, not DELETE") as caught:
        ROUTES.match("DELETE", "/v1/devboxes/x")
    assert (caught.value.status, caught.value.allow) == (405, ("GET", "POST"))


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/devboxes//shutdown", "/v2/devboxes", "/v1/devboxes/a/b/c/d/e"]
)
def test_an_unknown_path_is_not_found(path: str) -> None:
    with pytest.raises(ApiError) as caught:
        ROUTES.match("POST", path)
    assert caught.value.status == 404
