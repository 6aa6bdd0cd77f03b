"""One run of a scenario."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...contract.endpoints import scenarios
from ..concurrency import async_in_thread, async_sleep
from ..errors import PollingTimeout, ScoringFailedError, hide_from_traceback
from ..polling import Budget
from ..requests import options_of
from .transport import AsyncTransport

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
    from .devbox import AsyncDevbox

__tracebackhide__ = hide_from_traceback


class AsyncScenarioRun:
    """A run of a scenario, in a devbox of its own.

    :param transport: the client's.
    :param run_id: its id.
    :param devbox_id: the id of its devbox.
    """

    def __init__(self, transport: AsyncTransport, run_id: str, devbox_id: str) -> None:
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
    def devbox(self) -> AsyncDevbox:
        """Its devbox, where the task is to be done."""
        from .devbox import AsyncDevbox

        return AsyncDevbox(self._transport, self._devbox_id)

    async def get_info(self, **options: Unpack[BaseRequestOptions]) -> ScenarioRunView:
        """Return what the service says about it."""
        return await self._transport.call(scenarios.RETRIEVE_RUN, self._path, options)

    async def await_env_ready(self, **options: Unpack[PollingRequestOptions]) -> ScenarioRunView:
        """Wait until its devbox runs.

        :param options: `polling_config` says how long; 120 s by default.
        :raises DevboxFailedError: if it ends instead.
        :raises PollingTimeout: if it takes longer.
        """
        await self.devbox.await_running(**options)
        looking: Any = options_of(options, "extra_headers", "extra_query", "timeout")
        return await self.get_info(**looking)

    async def score(self, **options: Unpack[LongRequestOptions]) -> ScenarioRunView:
        """Begin to score it. `await_scored` waits for the outcome."""
        return await self._transport.call(scenarios.SCORE_RUN, self._path, options)

    async def await_scored(self, **options: Unpack[PollingRequestOptions]) -> ScenarioRunView:
        """Wait until it is scored.

        :param options: `polling_config` says how long and how often to look; 120 s by default.
        :raises ScoringFailedError: if it gets no score.
        :raises PollingTimeout: if it takes longer.
        """
        budget = Budget(options.get("polling_config"))
        looking: Any = options_of(options, "extra_headers", "extra_query", "timeout")
        while True:
            view = await self.get_info(**looking)
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
            await async_sleep(pause)

    async def score_and_await(self, **options: Unpack[LongPollingRequestOptions]) -> ScenarioRunView:
        """Score it, and wait for the outcome; as `score` and `await_scored`."""
        sending: Any = {name: value for name, value in options.items() if name != "polling_config"}
        await self.score(**sending)
        waiting: Any = options_of(options, "polling_config", "extra_headers", "extra_query", "timeout")
        return await self.await_scored(**waiting)

    async def score_and_complete(self, **options: Unpack[LongPollingRequestOptions]) -> ScenarioRunView:
        """Score it, wait for the outcome, and end it with its devbox.

        :raises ScoringFailedError: if it gets no score; then it is left as it is.
        """
        await self.score_and_await(**options)
        ending: Any = options_of(options, "extra_headers", "extra_query", "timeout")
        return await self.complete(**ending)

    async def complete(self, **options: Unpack[LongRequestOptions]) -> ScenarioRunView:
        """End it with the score that it has, and its devbox with it."""
        return await self._transport.call(scenarios.COMPLETE_RUN, self._path, options)

    async def cancel(self, **options: Unpack[LongRequestOptions]) -> ScenarioRunView:
        """Break it off, and end its devbox."""
        return await self._transport.call(scenarios.CANCEL_RUN, self._path, options)

    async def download_logs(
        self, file: str | os.PathLike[str], **options: Unpack[LongRequestOptions]
    ) -> None:
        """Write its logs into a zip file of this machine.

        :param file: the file.
        :raises OSError: if it cannot be written.
        """
        content = await self._transport.call(scenarios.DOWNLOAD_RUN_LOGS, self._path, options)
        await async_in_thread(Path(file).write_bytes, content)

    async def get_score(self, **options: Unpack[BaseRequestOptions]) -> ScoringContractResultView | None:
        """Return its score and what each function found; `None` if it was not scored yet."""
        return (await self.get_info(**options)).scoring_contract_result

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"


def _said(view: ScenarioRunView) -> str:
    result = view.scoring_contract_result
    errors = [each for each in result.scoring_function_results if each.state == "error"] if result else []
    return "".join(f" {each.scoring_function_name}: {each.output[-500:]}" for each in errors)
