"""Blocking work beside the event loop, one piece at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class BusyError(Exception):
    """Other work did not end in time."""


class LateError(Exception):
    """The work did not end in time. It has the lane until it does."""


class Lane:
    """Runs functions in threads, one after another.

    Not in those of the event loop, which are few and are waited for at the end of the process: a single
    function of SQLite may take minutes, and hears of no interruption meanwhile.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[[], T], *, wait: float, limit: float) -> T:
        """Run a function, and return what it returns.

        :param wait: seconds to wait for its turn.
        :param limit: seconds to wait for its end.
        :raises BusyError: if its turn does not come; then it does not run.
        :raises LateError: if it does not end.
        """
        try:
            await asyncio.wait_for(self._turn.acquire(), wait)
        except TimeoutError:
            raise BusyError from None
        outcome = self._begun(work)
        done, _ = await asyncio.wait({outcome}, timeout=limit)
        if not done:
            raise LateError
        return outcome.result()

    def _begun(self, work: Callable[[], T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()
        outcome.add_done_callback(self._over)

        def run() -> None:
            try:
                settle = partial(outcome.set_result, work())
            except BaseException as error:
                settle = partial(_fail, outcome, error)
            with suppress(RuntimeError):  # The loop has ended, and nobody waits any more.
                loop.call_soon_threadsafe(settle)

        threading.Thread(target=run, daemon=True, name="axon").start()
        return outcome

    def _over(self, outcome: asyncio.Future[Any]) -> None:
        self._turn.release()
        if not outcome.cancelled():
            outcome.exception()  # Whoever waited may have gone; that nobody looks is no mistake then.


def _fail(outcome: asyncio.Future[Any], error: BaseException) -> None:
    outcome.set_exception(error)
