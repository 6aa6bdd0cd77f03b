"""Runs of benchmarks: they hold runs of scenarios together, and give their mean score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...contract.params.benchmarks import BenchmarkRunState
from ...contract.views.benchmarks import BenchmarkRunView, BenchmarkView
from ...contract.views.scenarios import ScenarioRunView
from ..clock import Clock
from ..errors import ApiError, invalid
from ..ids import new_id
from ..records import BenchmarkRunRecord, Records
from .finding import fits
from .profiles import Profile
from .scenario_runs import ScenarioRuns


class BenchmarkRuns:
    """All runs of benchmarks of the state directory."""

    def __init__(self, records: Records, runs: ScenarioRuns, clock: Clock) -> None:
        self._records = records.benchmark_runs
        self._runs = runs
        self._clock = clock

    def start(
        self, benchmark: BenchmarkView, params: Mapping[str, Any], profile: Profile
    ) -> BenchmarkRunView:
        """Begin a run. Its scenarios are begun one by one, as runs of theirs.

        :param params: of the call.
        :param profile: in them.
        :raises ApiError: 400 if something that the benchmark requires is missing.
        """
        required = benchmark.required_environment_variables, benchmark.required_secret_names
        profile.require(*required, f"benchmark {benchmark.id}")
        view = BenchmarkRunView(
            id=new_id("bmr"),
            benchmark_id=benchmark.id,
            state="running",
            start_time_ms=self._clock.now_ms(),
            name=params.get("run_name"),
            metadata=dict(params.get("metadata") or {}),
            purpose=profile.purpose,
            environment_variables=profile.variables,
            secrets_provided=profile.secrets,
        )
        record = BenchmarkRunRecord(
            view=view,
            launch_parameters=profile.launch_parameters,
            mounts=[dict(each) for each in profile.mounts],
        )
        self._records.put(record)
        return view

    def profile(self, identifier: str | None) -> Profile:
        """Return what a run gives to those of its scenarios.

        :param identifier: the run, or `None` for none.
        :raises ApiError: 400 if there is none of this id, or it is over.
        """
        if identifier is None:
            return Profile()
        record = self._records.get(identifier)
        if record is None:
            raise invalid(
                f"`benchmark_run_id`: there is no benchmark run `{identifier}` in this state directory"
            )
        if record.view.state != "running":
            raise invalid(f"`benchmark_run_id`: benchmark run {identifier} is {record.view.state}")
        return Profile(
            dict(record.view.environment_variables or {}),
            dict(record.view.secrets_provided or {}),
            record.launch_parameters,
            tuple(record.mounts),
            record.view.purpose,
        )

    def get(self, identifier: str) -> BenchmarkRunView:
        """Return a run.

        :raises ApiError: 404 if there is none.
        """
        return self._records.found(identifier, "benchmark run").view

    def matching(self, params: Mapping[str, Any]) -> list[BenchmarkRunView]:
        """Return the runs that fit, newest first."""
        return [
            record.view
            for record in self._records.all()
            if fits(record.view, params)
            and params.get("benchmark_id") in (None, record.view.benchmark_id)
            and params.get("state") in (None, record.view.state)
        ]

    def scenario_runs(self, identifier: str, params: Mapping[str, Any]) -> list[ScenarioRunView]:
        """Return those runs of scenarios of a benchmark's run that fit, newest first.

        :raises ApiError: 404 if there is none.
        """
        self.get(identifier)
        return self._runs.matching({**params, "benchmark_run_id": identifier})

    def complete(self, identifier: str) -> BenchmarkRunView:
        """End a run, and with it those of its scenarios that are scored.

        :raises ApiError: 404 if there is none; 400 if it is over, or a scenario of it is not scored yet.
        """
        self._require_running(identifier, "complete it")
        runs = self.scenario_runs(identifier, {})
        if under_way := [run.id for run in runs if run.state in ("running", "scoring")]:
            listed = ", ".join(under_way[:5])
            message = f"cannot complete benchmark run {identifier}: complete or cancel {listed} first"
            raise ApiError(400, "wrong_state", message)
        for run in runs:
            if run.state == "scored":
                self._runs.complete(run.id)
        return self._end(identifier, "completed", runs)

    def cancel(self, identifier: str) -> BenchmarkRunView:
        """Break off a run and those of its scenarios that are not over. Those completed give its score.

        :raises ApiError: 404 if there is none, 400 if it is over.
        """
        self._require_running(identifier, "cancel it")
        for run in self.scenario_runs(identifier, {}):
            if run.state in ("running", "scoring", "scored"):
                self._runs.cancel(run.id)
        return self._end(identifier, "canceled", self.scenario_runs(identifier, {"state": "completed"}))

    def _require_running(self, identifier: str, doing: str) -> None:
        state = self.get(identifier).state
        if state != "running":
            message = f"cannot {doing}: benchmark run {identifier} is in state `{state}`; start another one"
            raise ApiError(400, "wrong_state", message)

    def _end(
        self, identifier: str, state: BenchmarkRunState, runs: Iterable[ScenarioRunView]
    ) -> BenchmarkRunView:
        with self._records.changing(identifier) as record:
            record.view.state = state
            record.view.score = _mean(runs)
            record.view.duration_ms = self._clock.now_ms() - record.view.start_time_ms
        return record.view


def _mean(runs: Iterable[ScenarioRunView]) -> float | None:
    """Return the mean score; a run without one counts as 0 (the API divides by the number of runs)."""
    results = [run.scoring_contract_result for run in runs]
    return sum(result.score if result else 0.0 for result in results) / len(results) if results else None
