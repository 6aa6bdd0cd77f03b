"""What holds for every declared endpoint."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest

from pytest_runloop.contract.all_endpoints import ALL
from pytest_runloop.contract.endpoint import Endpoint, EventStream, Json, Lane, Page

every_endpoint = pytest.mark.parametrize("endpoint", ALL, ids=str)


def test_no_two_endpoints_share_verb_and_path() -> None:
    places = [(endpoint.verb, endpoint.path) for endpoint in ALL]
    assert len(set(places)) == len(places)


@every_endpoint
def test_the_path_is_versioned_and_its_parameters_are_named_once(endpoint: Endpoint[Any]) -> None:
    # Terminals are served by devboxes themselves, behind their tunnels.
    assert endpoint.path.startswith(("/v1/", "/pty/"))
    assert len(set(endpoint.path_names)) == len(endpoint.path_names)


@every_endpoint
def test_what_travels_in_query_file_or_under_another_name_is_a_declared_parameter(
    endpoint: Endpoint[Any],
) -> None:
    declared = set(get_type_hints(endpoint.params)) if endpoint.params else set()
    uploaded = {endpoint.upload} if endpoint.upload else set()
    assert endpoint.query | uploaded | set(endpoint.wire) <= declared


@every_endpoint
def test_a_page_names_the_list_that_holds_its_items(endpoint: Endpoint[Any]) -> None:
    if isinstance(endpoint.returns, Page):
        assert endpoint.returns.items in endpoint.returns.view.model_fields


@every_endpoint
def test_calls_that_may_be_held_do_not_use_the_lane_of_quick_ones(endpoint: Endpoint[Any]) -> None:
    held = endpoint.path.endswith("wait_for_status") or isinstance(endpoint.returns, EventStream)
    assert not held or endpoint.lane is Lane.BACKGROUND


@pytest.mark.parametrize(
    "view",
    sorted(
        {endpoint.returns.view for endpoint in ALL if isinstance(endpoint.returns, Json | Page)},
        key=str,
    ),
)
def test_a_view_keeps_fields_that_it_does_not_know(view: Any) -> None:
    assert view.model_construct(new_field=1).new_field == 1
