"""A thread that gives up its rights and works for one that keeps them.

Landlock, capabilities and `no_new_privs` belong to a thread, and what it starts inherits them. Whether a
process may be signalled is judged by the rights of its first thread. So where the first thread stays
outside, nothing that the other one starts can end the process: `kill -9 -1` in a box spares its agent.

Standard library only, and light: every box shares this memory.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable

TYPE_CHECKING = False  # `typing` would weigh on every box.
if TYPE_CHECKING:
    from typing import TypeVar

    _Result = TypeVar("_Result")


class Hands:
    """One such thread. It lives as long as the process.

    :param prepare: run in it first, e.g. to give up rights.
    :raises BaseException: what `prepare` raised.
    """

    def __init__(self, prepare: Callable[[], None]) -> None:
        self._work: Callable[[], None] = prepare
        self._failure: BaseException | None = None
        self._asked, self._done = _thread.allocate_lock(), _thread.allocate_lock()
        self._asked.acquire()
        self._done.acquire()
        _thread.start_new_thread(self._serve, ())
        self._ask()

    def do(self, function: Callable[[], _Result]) -> _Result:
        """Have it call a function, and return or raise what comes of it."""
        results: list[_Result] = []
        self._work = lambda: results.append(function())
        self._ask()
        return results[0]

    def _ask(self) -> None:
        self._asked.release()
        self._done.acquire()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _serve(self) -> None:
        while True:
            self._asked.acquire()
            try:
                self._work()
            except BaseException as failure:
                self._failure = failure
            self._done.release()
