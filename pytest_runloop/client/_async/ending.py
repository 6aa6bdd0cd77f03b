"""Ends a command with everything that it started, and proves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...contract.endpoints import executions
from ...contract.params.options import PollingConfig
from ..errors import APIError, hide_from_traceback
from ..marks import END_SECONDS, Ended, ending, reported
from ..polling import Budget
from .results import AsyncExecutionResult
from .transport import AsyncTransport
from .waiting import AsyncLongPoll

__tracebackhide__ = hide_from_traceback

_HOLD_SECONDS: Final = 25.0
_SECONDS: Final = 3.0 * END_SECONDS
"""How long the command that ends others may take, start and profile included."""


class AsyncEnding:
    """Ends the processes of a command.

    :param transport: the client's.
    :param path: the devbox's and the execution's ids.
    :param mark: what its processes bear; `None` if it was started without one.
    """

    def __init__(self, transport: AsyncTransport, path: Mapping[str, str], mark: int | None) -> None:
        self._transport = transport
        self._path = path
        self._mark = mark

    async def carry_out(self) -> Ended:
        """Kill the command's group, then everything that bears its mark, and look until none is left.

        :return: what is not proven to be dead, in words; nothing is raised for it.
        """
        try:
            await self._transport.call(executions.KILL, self._path, {"kill_process_group": True})
            ended = await self._swept()
        except APIError as error:
            ended = Ended(unproven=f"{error}".rstrip("."))
        if not ended.proven and self._transport.observer is not None:
            self._transport.observer.unfit(self._path["devbox_id"], ended.told())
        return ended

    async def _swept(self) -> Ended:
        if self._mark is None:
            return Ended(unproven="it was started without `timeout`, thus without a mark to find them by")
        quiet = self._transport.unobserved()
        started = await quiet.call(
            executions.EXECUTE_ASYNC, {"id": self._path["devbox_id"]}, {"command": ending(self._mark)}
        )
        path = {**self._path, "execution_id": started.execution_id or ""}
        wait = AsyncLongPoll(quiet, executions.WAIT_FOR_STATUS, path, ["completed"], _HOLD_SECONDS, {})
        budget = Budget(PollingConfig(timeout_seconds=_SECONDS))
        view, completed = await wait.result(budget, lambda view: view.status == "completed")
        if not completed:
            return Ended(unproven=f"the command that looks for them has not ended in {_SECONDS:.0f} s")
        return reported(await AsyncExecutionResult(quiet, view, path, "").stdout())
