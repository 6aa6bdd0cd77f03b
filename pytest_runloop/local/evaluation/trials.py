"""Tries a custom scorer on a context, in a devbox made for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...contract.views.scorers import (
    ScenarioEnvironment,
    ScorerValidateResponse,
    ScorerView,
    ScoringFunctionResultView,
)
from ..clock import Clock
from ..engine.protocol import Engine
from ..life import Life
from ..notice import hold
from ..settings import Settings
from .contracts import check_context
from .functions import ScoringError, run_custom
from .scenario_runs import Devboxes
from .scoring import failure, success
from .workplace import Workplace

_READY = ("running", "failure", "shutdown")


class Trials:
    """Tries custom scorers."""

    def __init__(self, devboxes: Devboxes, engine: Engine, clock: Clock, settings: Settings) -> None:
        self._devboxes = devboxes
        self._engine = engine
        self._clock = clock
        self._settings = settings

    async def run(self, scorer: ScorerView, params: Mapping[str, Any]) -> ScorerValidateResponse:
        """Try a scorer, and return what it made of the context.

        :param params: of the call.
        :raises ApiError: 400 if no such devbox can be.
        """
        context = params["scoring_context"]
        check_context(context, "scoring_context")
        asked = params.get("environment_parameters")
        environment = ScenarioEnvironment.model_validate(asked or {})
        devbox = self._devboxes.create(_devbox(environment), ("scenario", None))
        life = self._devboxes.life(devbox.id)
        try:
            result = await self._result(scorer, context, environment, life)
        finally:
            life.end("api_shutdown")
        return ScorerValidateResponse(
            name=scorer.type,
            scoring_context=context,
            scoring_result=result,
            environment_parameters=environment if asked else None,
        )

    async def _result(
        self, scorer: ScorerView, context: Any, environment: ScenarioEnvironment, life: Life
    ) -> ScoringFunctionResultView:
        devbox = life.devbox
        await hold(self._clock, devbox.changed, lambda: devbox.status in _READY, None)
        try:
            if devbox.status != "running":
                lines = devbox.log.lines()
                raise ScoringError(
                    f"the devbox did not start: {lines[-1].message if lines else devbox.status}"
                )
            box = devbox.running_box("try the scorer")
            directory = environment.working_directory or ""
            place = Workplace(life, box, self._engine, self._clock, directory, self._settings.scoring)
            with place:
                await place.check_directory()
                return success(scorer.type, await run_custom(place, scorer.bash_script, context))
        except Exception as error:
            return failure(scorer.type, error)


def _devbox(environment: ScenarioEnvironment) -> dict[str, Any]:
    given = environment.model_dump(exclude_none=True)
    return {name: value for name, value in given.items() if name != "working_directory"}
