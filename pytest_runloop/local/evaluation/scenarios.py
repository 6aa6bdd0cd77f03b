"""Scenarios: what is to be done, where, and what scores it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...contract.views.scenarios import InputContext, ScenarioView
from ...contract.views.scorers import ScenarioEnvironment, ScoringContract
from ..errors import ApiError, invalid
from ..ids import new_id
from ..launch import check_command
from ..records import Records, ScenarioRecord
from .contracts import check_functions, check_json
from .custom_scorers import CustomScorers
from .finding import changes, fits


class Scenarios:
    """All scenarios of the state directory."""

    def __init__(self, records: Records, scorers: CustomScorers) -> None:
        self._records = records.scenarios
        self._benchmarks = records.benchmarks
        self._scorers = scorers

    def create(self, params: Mapping[str, Any]) -> ScenarioView:
        """Keep a new scenario.

        :raises ApiError: 400 if it could not be run or scored.
        """
        self._check(params)
        given = changes(params)
        environment = given.pop("environment_parameters", None)
        view = ScenarioView.model_validate(
            {
                "id": new_id("scn"),
                "status": "active",
                "is_public": False,
                "environment": environment,
                "required_environment_variables": [],
                "required_secret_names": [],
                **given,
            }
        )
        self._records.put(ScenarioRecord(view=view))
        return view

    def update(self, identifier: str, params: Mapping[str, Any]) -> ScenarioView:
        """Change what is given, and keep the rest.

        :raises ApiError: 404 if there is none, 400 if it is archived; as `create`.
        """
        if self.get(identifier).status == "archived":
            message = f"scenario {identifier} is archived, and stays as it is: unarchive it first"
            raise ApiError(400, "scenario_archived", message)
        self._check(params)
        with self._records.changing(identifier) as record:
            for name, value in changes(params).items():
                _set(record.view, name, value)
        return record.view

    def mark(self, identifier: str, status: str) -> ScenarioView:
        """Archive a scenario, or take it out of the archive.

        :raises ApiError: 404 if there is none.
        """
        self.get(identifier)
        with self._records.changing(identifier) as record:
            record.view.status = status
        return record.view

    def get(self, identifier: str) -> ScenarioView:
        """Return a scenario, archived ones included.

        :raises ApiError: 404 if there is none.
        """
        return self._records.found(identifier, "scenario").view

    def usable(self, identifier: str, field: str) -> ScenarioView:
        """Return a scenario that a request names.

        :param field: the parameter that names it.
        :raises ApiError: 400 if there is none.
        """
        record = self._records.get(identifier)
        if record is None:
            raise invalid(f"`{field}`: there is no scenario `{identifier}` in this state directory")
        return record.view

    def matching(self, params: Mapping[str, Any]) -> list[ScenarioView]:
        """Return the scenarios that are not archived and fit, newest first.

        :raises ApiError: 400 if there is no such benchmark.
        """
        views = [record.view for record in self._records.all()]
        among = self._of_benchmark(params.get("benchmark_id"))
        return [
            view
            for view in views
            if view.status != "archived"
            and fits(view, params)
            and params.get("validation_type") in (None, view.validation_type)
            and (among is None or view.id in among)
        ]

    def _of_benchmark(self, identifier: str | None) -> frozenset[str] | None:
        if identifier is None:
            return None
        record = self._benchmarks.get(identifier)
        if record is None:
            raise invalid(f"`benchmark_id`: there is no benchmark `{identifier}` in this state directory")
        return frozenset(record.view.scenario_ids)

    def _check(self, params: Mapping[str, Any]) -> None:
        if (name := params.get("name")) is not None and not name.strip():
            raise invalid("`name` is empty")
        check_json(
            (params.get("input_context") or {}).get("additional_context"), "input_context.additional_context"
        )
        functions = (params.get("scoring_contract") or {}).get("scoring_function_parameters")
        if functions is not None:
            check_functions(functions, self._scorers)
        environment = params.get("environment_parameters") or {}
        if environment.get("blueprint_id") and environment.get("snapshot_id"):
            raise invalid(
                "`environment_parameters`: `blueprint_id` and `snapshot_id` are both given:"
                " a devbox starts from one source at most"
            )
        check_command(environment.get("working_directory") or "", "environment_parameters.working_directory")


def _set(view: ScenarioView, name: str, value: Any) -> None:
    if name == "input_context":
        merged = {**view.input_context.model_dump(), **changes(value)}
        view.input_context = InputContext.model_validate(merged)
    elif name == "scoring_contract":
        if changes(value):
            view.scoring_contract = ScoringContract.model_validate(value)
    elif name == "environment_parameters":
        view.environment = ScenarioEnvironment.model_validate(value)
    else:
        setattr(view, name, value)
