"""A command that runs or ran."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ...contract.endpoints import executions
from ...contract.params.options import PollingConfig
from ...contract.views.executions import DevboxAsyncExecutionDetailView
from ..concurrency import AsyncBackground, async_shielded
from ..errors import (
    APIError,
    CommandStillRunningError,
    CommandTimeoutError,
    RunloopError,
    hide_from_traceback,
)
from ..marks import CommandLimit
from ..polling import Budget
from ..requests import options_of
from ..results import TOLD_CHARACTERS, shortened, tail
from .ending import AsyncEnding
from .followers import OUTPUTS, AsyncFollowers
from .output import AsyncOutputStream
from .results import AsyncExecutionResult
from .transport import AsyncTransport
from .waiting import AsyncLongPoll

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKExecutionKillParams
    from ...contract.params.options import (
        BaseRequestOptions,
        LongPollingRequestOptions,
        LongRequestOptions,
    )

__tracebackhide__ = hide_from_traceback

_HOLD_SECONDS: Final = 25.0
_KILLED_SECONDS: Final = 10.0
"""How long to wait for the end of a command that was killed."""
_INTERRUPTED_SECONDS: Final = 15.0
"""How long an interrupted program goes on to end its command."""
_GLIMPSE_SECONDS: Final = 0.5
"""How long to look at the output of a command that is no longer waited for."""


class AsyncExecution:
    """A command that was started. It runs whether or not anybody waits for it.

    :param transport: the client's.
    :param path: the devbox's and the execution's ids.
    :param command: what runs; empty if this program did not start it.
    :param followers: who gets its output.
    """

    def __init__(
        self, transport: AsyncTransport, path: Mapping[str, str], command: str, followers: AsyncFollowers
    ) -> None:
        self._transport = transport
        self._path = path
        self._command = command
        self._followers = followers
        self._completed: DevboxAsyncExecutionDetailView | None = None

    @property
    def devbox_id(self) -> str:
        """The id of the devbox that it runs in."""
        return self._path["devbox_id"]

    @property
    def execution_id(self) -> str:
        """The id of the command."""
        return self._path["execution_id"]

    async def result(self, **options: Unpack[LongPollingRequestOptions]) -> AsyncExecutionResult:
        """Wait for the command's end, and until its output has been handed to the callbacks.

        :param options: `polling_config` says how long to wait; 120 s by default.
        :raises CommandStillRunningError: if it still runs after that. It can be waited for again.
        """
        if self._completed is None:
            self._completed = await self._awaited(options)
        await self._followers.finish()
        return AsyncExecutionResult(self._transport, self._completed, self._path, self._command)

    async def get_state(self, **options: Unpack[BaseRequestOptions]) -> DevboxAsyncExecutionDetailView:
        """Return what the service says about the command now."""
        return await self._transport.call(executions.RETRIEVE, self._path, options)

    async def kill(self, **params: Unpack[SDKExecutionKillParams]) -> DevboxAsyncExecutionDetailView:
        """Kill the command.

        :param params: `kill_process_group=True` also kills what the command started.
        """
        return await self._transport.call(executions.KILL, self._path, params)

    async def send_std_in(self, text: str, **options: Unpack[LongRequestOptions]) -> None:
        """Write to the command's standard input; it must have been started with `attach_stdin=True`."""
        await self._to_std_in({"text": text, **options})

    async def close_std_in(self, **options: Unpack[LongRequestOptions]) -> None:
        """End the command's standard input."""
        await self._to_std_in({"signal": "EOF", **options})

    async def interrupt(self, **options: Unpack[LongRequestOptions]) -> None:
        """Interrupt the command, as Ctrl-C does; it must have been started with `attach_stdin=True`."""
        await self._to_std_in({"signal": "INTERRUPT", **options})

    async def glimpse(
        self, seconds: float = _GLIMPSE_SECONDS, characters: int = TOLD_CHARACTERS
    ) -> list[tuple[str, bool]]:
        """Return the ends of the output and of the standard error by now, while the command goes on.

        :param seconds: how long to read each of them: a quiet command's have no end to wait for.
        :param characters: of how many characters these ends are at the most.
        :return: for each, the text and whether it is all there is.
        """
        looks = [_AsyncGlimpse(self._transport, output, self._path, characters) for output in OUTPUTS]
        for look in looks:
            await look.work.wait(seconds)
        return [look.ended() for look in looks]

    def stop_following(self) -> None:
        """Hand no more output to the callbacks. The command goes on."""
        self._followers.cancel()

    async def _to_std_in(self, params: Mapping[str, Any]) -> None:
        told = await self._transport.call(executions.SEND_STD_IN, self._path, params)
        if told.success is False:
            raise RunloopError(
                f"Nothing could be sent to {self._told()}: has it ended, "
                "or was it started without attach_stdin=True?"
            )

    async def result_within(
        self, limit: CommandLimit, config: PollingConfig | None, options: Mapping[str, Any]
    ) -> AsyncExecutionResult:
        """Wait for the end of a command that may run only so long. For `cmd.exec`.

        :param limit: how long, and the mark that it was started with.
        :param config: how long to wait; as long as it may run by default.
        :raises CommandTimeoutError: if it did not end by then; it was ended.
        """
        longest = PollingConfig(1.0, math.ceil(limit.seconds) + 1, limit.seconds)
        within = config is None or config.budget_seconds >= limit.seconds
        try:
            return await self.result(**{**options, "polling_config": longest if within else config})
        except CommandStillRunningError:
            if not within:
                raise
        raise await self._timed_out(limit)

    async def interrupted(self, error: BaseException, limit: CommandLimit | None) -> None:
        """End the command because its wait was interrupted. For `cmd.exec`.

        :param error: what did that; gets a note if processes may be left.
        """
        if self._completed is not None or self._followers.error is error:
            return
        async with async_shielded(_INTERRUPTED_SECONDS):
            mark = None if limit is None else limit.mark
            ended = await AsyncEnding(self._transport, self._path, mark).carry_out()
            if not ended.proven:
                error.add_note(f"{self._told()} was killed, since its wait was interrupted. {ended.told()}")

    async def _timed_out(self, limit: CommandLimit) -> CommandTimeoutError:
        ended = await AsyncEnding(self._transport, self._path, limit.mark).carry_out()
        outputs = await self._last_outputs()
        lines = [
            f"{self._told()} did not end in {limit.seconds:g} s. {ended.told()}",
            *(f"--- {name} ---\n{tail(text).rstrip()}" for name, text in self._named(*outputs) if text),
        ]
        return CommandTimeoutError(
            "\n".join(lines),
            devbox_id=self.devbox_id,
            execution_id=self.execution_id,
            timeout=limit.seconds,
            outputs=outputs,
            ended=ended,
        )

    async def _last_outputs(self) -> list[str]:
        """Return all that a killed command wrote; what can be seen of it, if it does not complete."""
        waiting = PollingConfig(timeout_seconds=_KILLED_SECONDS)
        try:
            result = await self.result(polling_config=waiting)
            return [await result.stdout(), await result.stderr()]
        except CommandStillRunningError as error:
            return [error.stdout, error.stderr]
        except APIError:  # The devbox has ended, or nobody answers: the exception says so already.
            return ["", ""]

    async def _awaited(self, options: Mapping[str, Any]) -> DevboxAsyncExecutionDetailView:
        config: PollingConfig | None = options.get("polling_config")
        budget = Budget(config)
        wait = AsyncLongPoll(
            self._transport,
            executions.WAIT_FOR_STATUS,
            self._path,
            ["completed"],
            _HOLD_SECONDS,
            options_of(options, "extra_headers", "extra_query"),
        )
        view, completed = await wait.result(budget, lambda view: view.status == "completed")
        if completed:
            return view  # type: ignore[no-any-return]
        raise self._followers.error or await self._still_running(view, budget)

    async def _still_running(self, view: object, budget: Budget) -> CommandStillRunningError:
        waited = budget.spent
        stdout, stderr = [tail(text) for text, _ in await self.glimpse(characters=2 * TOLD_CHARACTERS)]
        lines = [
            f"{self._told()} still runs after {waited:.0f} s. It was left running: wait longer with "
            "polling_config=PollingConfig(timeout_seconds=..., max_attempts=...), or end it with kill().",
            *(
                f"--- {name} so far ---\n{text.rstrip()}"
                for name, text in self._named(stdout, stderr)
                if text
            ),
        ]
        return CommandStillRunningError(
            "\n".join(lines),
            view,
            devbox_id=self.devbox_id,
            execution_id=self.execution_id,
            stdout=stdout,
            stderr=stderr,
        )

    def _named(self, *texts: str) -> list[tuple[str, str]]:
        return list(zip(OUTPUTS, texts, strict=True))

    def _told(self) -> str:
        command = f": {shortened(self._command)}" if self._command else ""
        return f"Command {self.execution_id} in devbox {self.devbox_id}{command}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.execution_id} in {self.devbox_id}>"


class _AsyncGlimpse:
    """What one output of a running command holds by now, or its end if that is much."""

    def __init__(
        self, transport: AsyncTransport, output: str, path: Mapping[str, str], characters: int
    ) -> None:
        self._text = ""
        self._characters = characters
        self._over = False
        self._ended = False
        self._cut = False
        self._stream = AsyncOutputStream(transport, output, path)
        self.work = AsyncBackground(self._look, f"glimpse at {output} of {path['execution_id']}")

    def ended(self) -> tuple[str, bool]:
        """Stop looking; return what was seen, and whether it is everything."""
        whole = self._ended and not self._cut
        self._over = True
        self.work.cancel()
        return self._text, whole

    async def _look(self) -> None:
        await self._stream.follow(self._keep, lambda: self._over)
        self._ended = True

    async def _keep(self, piece: str) -> None:
        text = self._text + piece
        self._cut = self._cut or len(text) > self._characters
        self._text = text[-self._characters :]
