"""Runs of scenarios: a devbox each, from its creation to its score."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Protocol

from ...contract.params.scenarios import ScenarioRunState
from ...contract.views.devboxes import DevboxLog
from ...contract.views.scenarios import ScenarioRunView, ScenarioView
from ...contract.views.scorers import ScoringContractResultView
from ..clock import Clock
from ..devboxes import Devbox, Initiator
from ..engine.protocol import Engine
from ..errors import ApiError, invalid
from ..ids import new_id
from ..life import Life
from ..records import Records, RunLogRecord, ScenarioRunRecord
from ..secrets import Secrets
from ..servers import Presence
from ..settings import Settings
from ..tasks import Tasks
from .custom_scorers import CustomScorers
from .finding import fits
from .profiles import Profile
from .scoring import scored
from .workplace import Workplace

_UNDER_WAY = frozenset[str]({"running", "scoring"})
_REMEDY: Mapping[str, str] = {
    "scoring": "wait until it is scored",
    "scored": "complete or cancel it",
}


class Devboxes(Protocol):
    """What makes devboxes and finds them."""

    secrets: Secrets
    """What their variables may come from."""

    def create(self, params: Mapping[str, Any], initiator: Initiator = ...) -> Devbox:
        """Make a devbox, and begin to boot it."""

    def life(self, identifier: str) -> Life:
        """Return a devbox's life."""


class ScenarioRuns:
    """All runs of scenarios of the state directory.

    :param presence: this server's, noted in the runs whose devboxes live in it.
    """

    def __init__(
        self,
        records: Records,
        devboxes: Devboxes,
        scorers: CustomScorers,
        engine: Engine,
        clock: Clock,
        tasks: Tasks,
        settings: Settings,
        presence: Presence,
    ) -> None:
        self._records = records.scenario_runs
        self._logs = records.run_logs
        self._devboxes = devboxes
        self._scorers = scorers
        self._engine = engine
        self._clock = clock
        self._tasks = tasks
        self._settings = settings
        self._presence = presence

    def abandon(self, living: set[str]) -> None:
        """Settle the runs that dead servers left: their devboxes are gone."""
        for record in self._records.all():
            if record.view.state in _UNDER_WAY and record.server not in living:
                record.view.state = "failed"
                self._records.put(record)

    # Beginning

    def start(
        self,
        scenario: ScenarioView,
        params: Mapping[str, Any],
        profile: Profile,
    ) -> ScenarioRunView:
        """Begin a run: make its devbox.

        :param params: of the call.
        :param profile: in them, over that of the benchmark's run.
        :raises ApiError: 400 if something that the scenario requires is missing, or no such devbox can be.
        """
        required = scenario.required_environment_variables, scenario.required_secret_names
        profile.require(*required, f"scenario {scenario.id}")
        identifier = new_id("scr")
        name = params.get("run_name")
        devbox = self._devboxes.create(_devbox(scenario, profile, name), ("scenario", identifier))
        view = ScenarioRunView(
            id=identifier,
            scenario_id=scenario.id,
            devbox_id=devbox.id,
            benchmark_run_id=params.get("benchmark_run_id"),
            state="running",
            name=name,
            metadata=dict(params.get("metadata") or {}),
            purpose=profile.purpose,
            environment_variables=profile.variables,
            secrets_provided=profile.secrets,
            start_time_ms=self._clock.now_ms(),
        )
        life = self._devboxes.life(devbox.id)
        try:
            self._records.put(ScenarioRunRecord(view=view, scenario=scenario, server=self._presence.id))
        except BaseException:
            life.end("api_shutdown")
            raise
        life.on_end(lambda: self._devbox_ended(identifier, devbox))
        return view

    def _devbox_ended(self, identifier: str, devbox: Devbox) -> None:
        self._logs.keep(RunLogRecord(run_id=identifier, lines=devbox.log.lines()))
        timed_out = devbox.view().shutdown_reason == "keep_alive_timeout"
        with self._records.changing(identifier) as record:
            if record.view.state in _UNDER_WAY:
                self._settle(record.view, "timeout" if timed_out else "failed")

    # Finding

    def get(self, identifier: str) -> ScenarioRunView:
        """Return a run.

        :raises ApiError: 404 if there is none.
        """
        return self._record(identifier).view

    def matching(self, params: Mapping[str, Any]) -> list[ScenarioRunView]:
        """Return the runs that fit, newest first."""
        wanted = {key: params.get(key) for key in ("benchmark_run_id", "scenario_id", "state")}
        return [
            record.view
            for record in self._records.all()
            if fits(record.view, params)
            and all(value in (None, getattr(record.view, key)) for key, value in wanted.items())
        ]

    def _record(self, identifier: str) -> ScenarioRunRecord:
        return self._records.found(identifier, "scenario run")

    def log(self, identifier: str) -> list[DevboxLog]:
        """Return the log of a run's devbox, as far as this server has it."""
        kept = self._logs.get(identifier)
        if kept is not None:
            return kept.lines
        life = self._life(self._record(identifier))
        return life.devbox.log.lines() if life is not None else []

    # Scoring

    def score(self, identifier: str) -> ScenarioRunView:
        """Begin to score a run. One that is scored already is scored anew.

        :raises ApiError: 404 if there is none; 400 if it is over or being scored, or its devbox does not run.
        """
        record = self._require(identifier, ("running", "scored"), "score it")
        life = self._life(record)
        if life is None:
            raise invalid(f"cannot score run {identifier}: its devbox is not in this server, or forgotten")
        workplace = self._workplace(record.scenario, life)
        with self._records.changing(identifier) as record:
            record.view.state = "scoring"
            record.view.scoring_contract_result = None
        # From now on, not from when the task has its turn: the devbox is in use.
        opened = ExitStack()
        opened.enter_context(workplace)
        self._tasks.start(self._score(record, life, workplace, opened))
        return record.view

    async def _score(
        self, record: ScenarioRunRecord, life: Life, workplace: Workplace, opened: ExitStack
    ) -> None:
        state: ScenarioRunState = "failed"
        result = None
        try:
            with opened:
                functions = record.scenario.scoring_contract.scoring_function_parameters
                result = await scored(functions, workplace, self._scorers)
                state = "timeout" if workplace.time_is_up else "scored"
        finally:
            self._end_scoring(record.id, state, result, life)

    def _end_scoring(
        self, identifier: str, state: ScenarioRunState, result: ScoringContractResultView | None, life: Life
    ) -> None:
        with self._records.changing(identifier) as record:
            if record.view.state != "scoring":
                return  # It was cancelled, or its devbox ended.
            record.view.scoring_contract_result = result
            if state == "scored":
                record.view.state = state
            else:
                self._settle(record.view, state)
        for each in result.scoring_function_results if result else ():
            life.devbox.log.note("exec", f"{each.scoring_function_name} scored {each.score:g} ({each.state})")
        if state != "scored":
            life.end("api_shutdown")

    def _workplace(self, scenario: ScenarioView, life: Life) -> Workplace:
        box = life.devbox.running_box("score the run")
        directory = (scenario.environment.working_directory if scenario.environment else None) or ""
        seconds = scenario.scorer_timeout_sec or self._settings.scoring
        return Workplace(life, box, self._engine, self._clock, directory, seconds)

    # Ending

    def complete(self, identifier: str) -> ScenarioRunView:
        """End a run with the score that it has, and its devbox.

        :raises ApiError: 404 if there is none, 400 if it is over or is being scored.
        """
        return self._finish(identifier, ("running", "scored"), "completed", "complete it")

    def cancel(self, identifier: str) -> ScenarioRunView:
        """Break off a run, and end its devbox.

        :raises ApiError: 404 if there is none, 400 if it is over.
        """
        return self._finish(identifier, ("running", "scoring", "scored"), "canceled", "cancel it")

    def _finish(
        self, identifier: str, states: tuple[str, ...], state: ScenarioRunState, doing: str
    ) -> ScenarioRunView:
        life = self._life(self._require(identifier, states, doing))
        with self._records.changing(identifier) as record:
            self._settle(record.view, state)
        if life is not None:
            life.end("api_shutdown")
        return record.view

    def _settle(self, view: ScenarioRunView, state: ScenarioRunState) -> None:
        view.state = state
        view.duration_ms = self._clock.now_ms() - (view.start_time_ms or 0)

    def _require(self, identifier: str, states: tuple[str, ...], doing: str) -> ScenarioRunRecord:
        record = self._record(identifier)
        state = record.view.state
        if state not in states:
            remedy = _REMEDY.get(state, "start another one")
            message = f"cannot {doing}: scenario run {identifier} is in state `{state}`; {remedy}"
            raise ApiError(400, "wrong_state", message)
        self._refuse_of_another_server(record, doing)
        return record

    def _refuse_of_another_server(self, record: ScenarioRunRecord, doing: str) -> None:
        if record.server != self._presence.id and record.server in self._presence.living():
            raise invalid(
                f"cannot {doing}: the devbox of scenario run {record.id} lives in another server on this"
                " state directory: ask that one"
            )

    def _life(self, record: ScenarioRunRecord) -> Life | None:
        try:
            return self._devboxes.life(record.view.devbox_id)
        except ApiError:
            return None


def _devbox(scenario: ScenarioView, profile: Profile, name: str | None) -> dict[str, Any]:
    """Return the create parameters of a run's devbox."""
    environment = scenario.environment.model_dump(exclude_none=True) if scenario.environment else {}
    launch = (environment.get("launch_parameters") or {}) | profile.launch_parameters
    return {
        "name": name or scenario.name,
        "blueprint_id": environment.get("blueprint_id"),
        "snapshot_id": environment.get("snapshot_id"),
        "launch_parameters": launch,
        "environment_variables": profile.variables,
        "secrets": profile.secrets,
        "mounts": list(profile.mounts),
    }
