"""Spellings on the wire, in both directions."""

from __future__ import annotations

import pytest

from pytest_runloop.contract.params.benchmarks import BenchmarkStartRunParams
from pytest_runloop.contract.params.devboxes import DevboxCreateParams
from pytest_runloop.contract.params.scenarios import RunProfile, ScenarioCreateParams, ScenarioStartRunParams
from pytest_runloop.contract.validation import InvalidParamsError, validated
from pytest_runloop.contract.views.benchmarks import BenchmarkView
from pytest_runloop.contract.views.scenarios import RunProfile as RunProfileView
from pytest_runloop.contract.views.scorers import ScoringContract
from pytest_runloop.contract.wire import on_wire, wire_names

PROFILE = {
    "env_vars": {"env_vars": "kept"},
    "launch_parameters": {"launch_commands": ["true"]},
    "purpose": "p",
}
SPELLED = {"envVars": {"env_vars": "kept"}, "launchParameters": {"launch_commands": ["true"]}, "purpose": "p"}


@pytest.mark.parametrize("params", [ScenarioStartRunParams, BenchmarkStartRunParams])
def test_a_run_profile_is_spelled_as_the_api_has_it_at_both_depths(params: type) -> None:
    key = "scenario_id" if params is ScenarioStartRunParams else "benchmark_id"
    assert on_wire(params, {key: "x", "run_profile": PROFILE}) == {key: "x", "runProfile": SPELLED}
    assert validated(params, {key: "x", "runProfile": SPELLED}) == {key: "x", "run_profile": PROFILE}
    assert "runProfile" in wire_names(params)


def test_null_travels_as_null() -> None:
    assert on_wire(ScenarioStartRunParams, {"run_profile": None}) == {"runProfile": None}
    assert on_wire(RunProfile, {"env_vars": None}) == {"envVars": None}


def test_parameters_without_other_spellings_stay_as_they_are() -> None:
    values = {"name": "a", "metadata": {"run_profile": "b"}, "unknown": 1}
    assert on_wire(DevboxCreateParams, values) == values


def test_the_name_in_python_is_refused_on_the_wire_with_the_right_spelling() -> None:
    with pytest.raises(InvalidParamsError, match="did you mean `runProfile`"):
        validated(ScenarioStartRunParams, {"scenario_id": "x", "run_profile": {}})
    with pytest.raises(InvalidParamsError, match=r"`runProfile\.env_vars` is not known"):
        validated(ScenarioStartRunParams, {"scenario_id": "x", "runProfile": {"env_vars": {}}})


def test_a_scorer_without_a_kind_is_told_what_is_missing() -> None:
    contract = {"scoring_function_parameters": [{"name": "a", "weight": 1.0, "scorer": {}}]}
    value = {"name": "a", "input_context": {"problem_statement": "p"}, "scoring_contract": contract}
    with pytest.raises(InvalidParamsError, match=r"scoring_function_parameters\.0\.scorer\.type` is missing"):
        validated(ScenarioCreateParams, value)


def test_views_are_read_in_both_spellings_and_written_in_the_wires() -> None:
    for key in ("scenarioIds", "scenario_ids"):
        view = BenchmarkView.model_validate({"id": "b", "name": "n", key: ["s"]})
        assert view.scenario_ids == ["s"]
        assert view.model_dump(by_alias=True)["scenarioIds"] == ["s"]
    assert RunProfileView.model_validate(SPELLED).env_vars == {"env_vars": "kept"}


def test_a_scorer_of_a_later_service_is_kept_as_it_came() -> None:
    function = {"name": "a", "weight": 1.0, "scorer": {"type": "later_scorer", "more": 1}}
    contract = ScoringContract.model_validate({"scoring_function_parameters": [function]})
    assert contract.model_dump() == {"scoring_function_parameters": [function]}
