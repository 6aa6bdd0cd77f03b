"""Benchmarks: scenarios under a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...contract.views.benchmarks import BenchmarkView
from ...contract.views.scenarios import ScenarioView
from ..errors import ApiError, invalid
from ..ids import new_id
from ..records import BenchmarkRecord, Records
from ..store import Store
from .finding import changes, fits
from .scenarios import Scenarios


class Benchmarks:
    """All benchmarks of the state directory.

    :param store: what `records` are kept in.
    """

    def __init__(self, store: Store, records: Records, scenarios: Scenarios) -> None:
        self._store = store
        self._records = records.benchmarks
        self._scenarios = scenarios

    def create(self, params: Mapping[str, Any]) -> BenchmarkView:
        """Keep a new benchmark.

        :raises ApiError: 400 if its name is taken or empty, or a scenario is not there.
        """
        defaults: dict[str, list[str]] = {
            "scenario_ids": [],
            "required_environment_variables": [],
            "required_secret_names": [],
        }
        about = {"id": new_id("bmd"), "status": "active", "is_public": False}
        view = BenchmarkView.model_validate({**about, **defaults, **changes(params)})
        with self._store.transaction():
            self._check(view)
            self._records.put(BenchmarkRecord(view=view))
        return view

    def update(self, identifier: str, params: Mapping[str, Any]) -> BenchmarkView:
        """Change what is given, and keep the rest.

        :raises ApiError: 404 if there is none; as `create`.
        """
        with self._store.transaction():
            record = self._record(identifier)
            for name, value in changes(params).items():
                setattr(record.view, name, value)
            self._check(record.view)
            self._records.put(record)
        return record.view

    def update_scenarios(self, identifier: str, params: Mapping[str, Any]) -> BenchmarkView:
        """Put scenarios into a benchmark, and take others out.

        :raises ApiError: 404 if there is none, 400 if a scenario is not there, or not in it.
        """
        with self._store.transaction():
            record = self._record(identifier)
            kept, removed = record.view.scenario_ids, params.get("scenarios_to_remove") or ()
            for scenario in removed:
                if scenario not in kept:
                    raise invalid(f"`scenarios_to_remove`: `{scenario}` is not in benchmark {identifier}")
            added = [each for each in params.get("scenarios_to_add") or () if each not in kept]
            record.view.scenario_ids = [*(each for each in kept if each not in removed), *added]
            self._check_scenarios(added, "scenarios_to_add")
            self._records.put(record)
        return record.view

    def mark(self, identifier: str, status: str) -> BenchmarkView:
        """Archive a benchmark, or take it out of the archive.

        :raises ApiError: 404 if there is none.
        """
        with self._store.transaction():
            record = self._record(identifier)
            record.view.status = status
            self._records.put(record)
        return record.view

    def get(self, identifier: str) -> BenchmarkView:
        """Return a benchmark, archived ones included.

        :raises ApiError: 404 if there is none.
        """
        return self._record(identifier).view

    def runnable(self, identifier: str) -> BenchmarkView:
        """Return a benchmark that a run is to be begun of.

        :raises ApiError: 400 if there is none, or it is archived.
        """
        record = self._records.get(identifier)
        if record is None:
            raise invalid(f"`benchmark_id`: there is no benchmark `{identifier}` in this state directory")
        if record.view.status == "archived":
            message = f"`benchmark_id`: benchmark {identifier} is archived: unarchive it first"
            raise ApiError(400, "benchmark_archived", message)
        return record.view

    def matching(self, params: Mapping[str, Any]) -> list[BenchmarkView]:
        """Return the benchmarks that are not archived and fit, newest first."""
        views = [record.view for record in self._records.all()]
        return [view for view in views if view.status != "archived" and fits(view, params)]

    def definitions(self, identifier: str) -> list[ScenarioView]:
        """Return the scenarios of a benchmark, in its order.

        :raises ApiError: 404 if there is none.
        """
        return [self._scenarios.get(scenario) for scenario in self.get(identifier).scenario_ids]

    def _record(self, identifier: str) -> BenchmarkRecord:
        return self._records.found(identifier, "benchmark")

    def _check(self, view: BenchmarkView) -> None:
        if not view.name.strip():
            raise invalid("`name` is empty")
        others = (record.view for record in self._records.all())
        if any(other.name == view.name and other.id != view.id for other in others):
            message = f"`name`: there is a benchmark `{view.name}` already: update it, or take another name"
            raise ApiError(400, "already_exists", message)
        self._check_scenarios(view.scenario_ids, "scenario_ids")

    def _check_scenarios(self, identifiers: Sequence[str], field: str) -> None:
        for identifier in identifiers:
            self._scenarios.usable(identifier, field)
