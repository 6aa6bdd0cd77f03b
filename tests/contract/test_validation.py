"""What is said about parameters that do not fit."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_runloop.contract.params.devboxes import DevboxCreateParams, DevboxListParams
from pytest_runloop.contract.validation import InvalidParamsError, validated


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"blueprint_nam": "x"}, "`blueprint_nam` is not known, did you mean `blueprint_name`?"),
        ({"zzz": 1}, "`zzz` is not known"),
        ({"environment_variables": {"A": 1}}, "`environment_variables.A` input should be a valid string"),
        ({"launch_parameters": {"launch_commands": "make"}}, "`launch_parameters.launch_commands`"),
        ({"launch_parameters": {"keep": 1}}, "`launch_parameters.keep` is not known"),
        ({"launch_parameters": {"after_idle": {"on_idle": "suspend"}}}, "idle_time_seconds` is missing"),
        ({"mounts": [{"type": "file_mount", "target": "a"}]}, "content` is missing"),
        ({"mounts": [{"type": "disk"}]}, "'object_mount', 'agent_mount', 'code_mount', 'file_mount'"),
    ],
)
def test_a_problem_names_the_field_and_what_is_wrong(params: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidParamsError) as caught:
        validated(DevboxCreateParams, params)
    assert said in str(caught.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidParamsError) as caught:
        validated(DevboxCreateParams, {"name": 1, "entrypoint": 2})
    assert {problem.where for problem in caught.value.problems} == {"name", "entrypoint"}


def test_a_value_is_not_echoed_since_it_may_be_a_secret() -> None:
    with pytest.raises(InvalidParamsError) as caught:
        validated(DevboxCreateParams, {"environment_variables": {"TOKEN": ["hunter2"]}})
    assert "hunter2" not in str(caught.value)


def test_text_stands_for_numbers_only_where_a_query_string_is_read() -> None:
    assert validated(DevboxListParams, {"limit": "20"}, lax=True) == {"limit": 20}
    with pytest.raises(InvalidParamsError, match="limit"):
        validated(DevboxListParams, {"limit": "20"})


@pytest.mark.parametrize("limit", [0, 5001])
def test_a_limit_that_the_api_refuses_is_refused(limit: int) -> None:
    with pytest.raises(InvalidParamsError, match="limit"):
        validated(DevboxListParams, {"limit": limit})


def test_tuples_and_lists_both_do_for_sequences() -> None:
    params = {"launch_parameters": {"launch_commands": ("a", "b")}}
    assert validated(DevboxCreateParams, params)["launch_parameters"]["launch_commands"] == ("a", "b")
