"""Everything of this part under one name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...contract.views.benchmarks import BenchmarkRunView
from ...contract.views.scenarios import ScenarioRunView
from ..calls import Attachment
from ..clock import Clock
from ..engine.protocol import Engine
from ..launch import check_environment
from ..records import Records
from ..servers import Presence
from ..settings import Settings
from ..store import Store
from ..tasks import Tasks
from .benchmark_runs import BenchmarkRuns
from .benchmarks import Benchmarks
from .custom_scorers import CustomScorers
from .profiles import Profile
from .run_logs import Zip, add_run
from .scenario_runs import Devboxes, ScenarioRuns
from .scenarios import Scenarios
from .trials import Trials


class Evaluation:
    """Scenarios, custom scorers, benchmarks, and all their runs.

    :param store: what `records` are kept in.
    :param devboxes: makes the devboxes of runs.
    :param presence: this server's.
    """

    def __init__(
        self,
        store: Store,
        records: Records,
        devboxes: Devboxes,
        engine: Engine,
        clock: Clock,
        tasks: Tasks,
        settings: Settings,
        presence: Presence,
    ) -> None:
        self._devboxes = devboxes
        self.scorers = CustomScorers(store, records)
        self.scenarios = Scenarios(records, self.scorers)
        self.scenario_runs = ScenarioRuns(
            records, devboxes, self.scorers, engine, clock, tasks, settings, presence
        )
        self.benchmarks = Benchmarks(store, records, self.scenarios)
        self.benchmark_runs = BenchmarkRuns(records, self.scenario_runs, clock)
        self.trials = Trials(devboxes, engine, clock, settings)

    def start_benchmark(self, params: Mapping[str, Any]) -> BenchmarkRunView:
        """Begin a run of a benchmark.

        :raises ApiError: 400 if it cannot be.
        """
        benchmark = self.benchmarks.runnable(params["benchmark_id"])
        profile = Profile.of(params)
        check_environment(profile.variables, "runProfile.envVars")
        self._devboxes.secrets.values(profile.secrets)
        return self.benchmark_runs.start(benchmark, params, profile)

    def start_scenario(self, params: Mapping[str, Any]) -> ScenarioRunView:
        """Begin a run of a scenario, alone or as a part of a benchmark's run.

        :raises ApiError: 400 if it cannot be.
        """
        scenario = self.scenarios.usable(params["scenario_id"], "scenario_id")
        below = self.benchmark_runs.profile(params.get("benchmark_run_id"))
        return self.scenario_runs.start(scenario, params, Profile.of(params).over(below))

    def scenario_logs(self, identifier: str) -> Attachment:
        """Return the logs of a scenario's run.

        :raises ApiError: 404 if there is none.
        """
        view = self.scenario_runs.get(identifier)
        packed = Zip()
        add_run(packed.archive, "", view, self.scenario_runs.log(identifier))
        return Attachment("scenario_run_logs.zip", packed.finished())

    def benchmark_logs(self, identifier: str) -> Attachment:
        """Return the logs of a benchmark's run: a directory for each run of a scenario.

        :raises ApiError: 404 if there is none.
        """
        packed = Zip()
        for view in self.benchmark_runs.scenario_runs(identifier, {}):
            add_run(packed.archive, f"{view.id}/", view, self.scenario_runs.log(view.id))
        return Attachment("benchmark_run_logs.zip", packed.finished())
