# Generated from ../_async/scenario_run.py by scripts/unasync.py: change that file, and run the script.
"""One run of a scenario."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...contract.endpoints import scenarios
from ..concurrency import in_thread, sleep
from ..errors import PollingTimeout, ScoringFailedError, hide_from_traceback
from ..polling import Budget
from ..requests import options_of
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.options import (
        BaseRequestOptions,
        LongPollingRequestOptions,
        LongRequestOptions,
        PollingRequestOptions,
    )
    from ...contract.views.scenarios import ScenarioRunView
    from ...contract.views.scorers import ScoringContractResultView
    from .devbox import Devbox

__tracebackhide__ = hide_from_traceback


class ScenarioRun:
    """A run of a scenario, in a devbox of its own.

    :param transport: the client's.
    :param run_id: its id.
    :param devbox_id: the id of its devbox.
    """

    def __init__(self, transport: Transport, run_id: str, devbox_id: str) -> None:
        self._transport = transport
        self._id = run_id
        self._devbox_id = devbox_id
        self._path = {"id": run_id}

    @property
    def id(self) -> str:
        """The run's id."""
        return self._id

    @property
    def devbox_id(self) -> str:
        """The id of its devbox."""
        return self._devbox_id

    @property
    def devbox(self) -> Devbox:
        """Its devbox, where the task is to be done."""
        from .devbox import Devbox

        return Devbox(self._transport, self._devbox_id)

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> ScenarioRunView:
        """Return what the service says about it."""
        return self._transport.call(scenarios.RETRIEVE_RUN, self._path, options)

    def await_env_ready(self, **options: Unpack[PollingRequestOptions]) -> ScenarioRunView:
        """Wait until its devbox runs.

        :param options: `polling_config` says how long; 120 s by default.
        :raises DevboxFailedError: if it ends instead.
        :raises PollingTimeout: if it takes longer.
        """
        self.devbox.await_running(**options)
        looking: Any = options_of(options, "extra_headers", "extra_query", "timeout")
        return self.get_info(**looking)

    def score(self, **options: Unpack[LongRequestOptions]) -> ScenarioRunView:
        """Begin to score it. `await_scored` waits for the outcome."""
        return self._transport.call(scenarios.SCORE_RUN, self._path, options)

    def await_scored(self, **options: Unpack[PollingRequestOptions]) -> ScenarioRunView:
        """Wait until it is scored.

        :param options: `polling_config` says how long and how often to look; 120 s by default.
        :raises ScoringFailedError: if it gets no score.
        :raises PollingTimeout: if it takes longer.
        """
        budget = Budget(options.get("polling_config"))
        looking: Any = options_of(options, "extra_headers", "extra_query", "timeout")
        while True:
            view = self.get_info(**looking)
            if view.state == "scored":
                return view
            if view.state != "scoring":
                raise ScoringFailedError(
                    f"Scenario run {self._id} is {view.state}, not scored.{_said(view)}", run_id=self._id
                )
            pause = budget.pause_between_looks()
            if pause is None:
                raise PollingTimeout(
                    f"Scenario run {self._id} is not scored after {budget.spent:.0f} s.", view
                )
            sleep(pause)

    def score_and_await(self, **options: Unpack[LongPollingRequestOptions]) -> ScenarioRunView:
        """Score it, and wait for the outcome; as `score` and `await_scored`."""
        sending: Any = {name: value for name, value in options.items() if name != "polling_config"}
        self.score(**sending)
        waiting: Any = options_of(options, "polling_config", "extra_headers", "extra_query", "timeout")
        return self.await_scored(**waiting)

    def score_and_complete(self, **options: Unpack[LongPollingRequestOptions]) -> ScenarioRunView:
        """Score it, wait for the outcome, and end it with its devbox.

        :raises ScoringFailedError: if it gets no score; then it is left as it is.
        """
        self.score_and_await(**options)
        ending: Any = options_of(options, "extra_headers", "extra_query", "timeout")
        return self.complete(**ending)

    def complete(self, **options: Unpack[LongRequestOptions]) -> ScenarioRunView:
        """End it with the score that it has, and its devbox with it."""
        return self._transport.call(scenarios.COMPLETE_RUN, self._path, options)

    def cancel(self, **options: Unpack[LongRequestOptions]) -> ScenarioRunView:
        """Break it off, and end its devbox."""
        return self._transport.call(scenarios.CANCEL_RUN, self._path, options)

    def download_logs(self, file: str | os.PathLike[str], **options: Unpack[LongRequestOptions]) -> None:
        """Write its logs into a zip file of this machine.

        :param file: the file.
        :raises OSError: if it cannot be written.
        """
        content = self._transport.call(scenarios.DOWNLOAD_RUN_LOGS, self._path, options)
        in_thread(Path(file).write_bytes, content)

    def get_score(self, **options: Unpack[BaseRequestOptions]) -> ScoringContractResultView | None:
        """Return its score and what each function found; `None` if it was not scored yet."""
        return (self.get_info(**options)).scoring_contract_result

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"


def _said(view: ScenarioRunView) -> str:
    result = view.scoring_contract_result
    errors = [each for each in result.scoring_function_results if each.state == "error"] if result else []
    return "".join(f" {each.scoring_function_name}: {each.output[-500:]}" for each in errors)
