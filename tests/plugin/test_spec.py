"""How the marker, the defaults and the options merge."""

from __future__ import annotations

import pytest

from pytest_runloop.session import spec
from pytest_runloop.session.options import BLUEPRINT, FROM_SNAPSHOT, TTL
from pytest_runloop.session.settings import Given, Rank, Settings


@pytest.mark.parametrize(
    "key",
    ["environment_variables", "file_mounts", "gateways", "launch_parameters", "mcp", "metadata", "secrets"],
)
def test_some_values_merge_key_by_key(key: str) -> None:
    merged = spec.merge([{key: {"A": "far", "B": "far"}}, {key: {"B": "near", "C": "near"}}])
    assert merged == {key: {"A": "far", "B": "near", "C": "near"}}


def test_other_values_are_replaced_as_a_whole() -> None:
    merged = spec.merge([{"name": "a", "tunnel": {"auth_mode": "open"}}, {"tunnel": {"wake_on_http": True}}])
    assert merged == {"name": "a", "tunnel": {"wake_on_http": True}}


@pytest.mark.parametrize("near", [{"snapshot": "s"}, {"blueprint_id": "i"}, {"blueprint": "b"}])
def test_a_nearer_source_replaces_one_of_any_kind(near: spec.Spec) -> None:
    for far in ({"snapshot": "x"}, {"blueprint_id": "x"}, {"blueprint": "x"}, {"blueprint_name": "x"}):
        merged = spec.merge([far, {"name": "n"}, near])
        assert merged == {"name": "n", spec.SHORT.get(*near, *near): next(iter(near.values()))}


def test_none_takes_back_what_was_said_before() -> None:
    assert spec.merge([{"blueprint": "b", "name": "n"}, {"blueprint": None, "name": None}]) == {}


def test_merging_leaves_the_given_specs_alone() -> None:
    far, near = {"metadata": {"a": "1"}}, {"metadata": {"b": "2"}}
    spec.merge([far, near])
    assert (far, near) == ({"metadata": {"a": "1"}}, {"metadata": {"b": "2"}})


def settings(blueprint: Given, snapshot: Given, ttl: int | None = None) -> Settings:
    """Return settings of which these were given."""
    return Settings({BLUEPRINT: blueprint, FROM_SNAPSHOT: snapshot, TTL: Given(ttl, Rank.INI, "")})


def test_of_two_sources_in_the_options_the_one_from_the_higher_place_holds() -> None:
    ini, command_line = Given("i", Rank.INI, ""), Given("c", Rank.COMMAND_LINE, "")
    nothing = Given(None, Rank.DEFAULT, "")
    assert spec.of_settings(settings(ini, command_line)) == {"snapshot": "c"}
    assert spec.of_settings(settings(command_line, ini)) == {"blueprint": "c"}
    assert spec.of_settings(settings(nothing, nothing)) == {}


def test_a_snapshot_of_the_command_line_holds_over_markers_and_one_of_an_ini_file_does_not() -> None:
    nothing = Given(None, Rank.DEFAULT, "")
    assert spec.by_hand(settings(nothing, Given("s", Rank.COMMAND_LINE, ""))) == {"snapshot": "s"}
    assert spec.by_hand(settings(nothing, Given("s", Rank.INI, ""))) == {}


def test_the_lifetime_is_a_launch_parameter() -> None:
    nothing = Given(None, Rank.DEFAULT, "")
    launch = {"launch_parameters": {"keep_alive_time_seconds": 600}}
    assert spec.of_settings(settings(nothing, nothing, 600)) == launch
