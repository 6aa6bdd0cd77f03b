"""Hands a command's output to callbacks while the command runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ...contract.endpoints import executions
from ..concurrency import AsyncBackground, AsyncLock, async_deliver
from ..errors import APIError, hide_from_traceback
from .output import AsyncOutputStream
from .transport import AsyncTransport

if TYPE_CHECKING:
    from ...contract.params.calls import OutputCallback

__tracebackhide__ = hide_from_traceback

OUTPUTS: Final = ("stdout", "stderr")


def callbacks_in(params: dict[str, Any]) -> dict[str, list[OutputCallback]]:
    """Take the callbacks out of a call's parameters, by the output that they want."""
    both = params.pop("output", None)
    wanted = {name: [params.pop(name, None), both] for name in OUTPUTS}
    return {name: [one for one in callbacks if one is not None] for name, callbacks in wanted.items()}


class AsyncFollowers:
    """The callbacks of one command. Each of its outputs is followed on its own; callbacks run one at a time.

    When a callback raises, the command is killed, as `subprocess.run` does it, and the exception is
    raised to whoever waits for the command.

    :param transport: the client's.
    :param path: the devbox's and the execution's ids.
    :param callbacks: who gets which output.
    """

    def __init__(
        self,
        transport: AsyncTransport,
        path: Mapping[str, str],
        callbacks: Mapping[str, Sequence[OutputCallback]],
    ) -> None:
        self._transport = transport
        self._path = path
        self._lock = AsyncLock()
        self._stopped = False
        self.error: BaseException | None = None
        """What a callback raised."""
        self._running = [self._begun(output, wanting) for output, wanting in callbacks.items() if wanting]

    async def finish(self) -> None:
        """Wait until all output has been handed on.

        :raises BaseException: what a callback raised, or why the output could not be had.
        """
        for work in self._running:
            await work.wait()
        failed = [work.error for work in self._running if work.error is not None]
        if self.error is not None or failed:
            raise self.error or failed[0]

    def cancel(self) -> None:
        """Follow no longer."""
        self._stopped = True
        for work in self._running:
            work.cancel()

    def _begun(self, output: str, callbacks: Sequence[OutputCallback]) -> AsyncBackground:
        stream = AsyncOutputStream(self._transport, output, self._path)

        async def hand_on(piece: str) -> None:
            async with self._lock:
                for callback in callbacks:
                    if self.error is None and not self._stopped:
                        await self._called(callback, piece)

        async def follow() -> None:
            await stream.follow(hand_on, lambda: self._stopped)

        return AsyncBackground(follow, f"{output} of {self._path['execution_id']}")

    async def _called(self, callback: OutputCallback, piece: str) -> None:
        self.error = await async_deliver(callback, piece)
        if self.error is None:
            return
        try:
            await self._transport.call(executions.KILL, self._path, {"kill_process_group": True})
        except APIError as error:
            self.error.add_note(f"The command could not be killed: {error}")
