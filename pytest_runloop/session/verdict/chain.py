"""The errors that led to a failure, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator

_OURS = "pytest_runloop.client."
_MOST = 200


def errors_in(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it came of or holds, each once, those nearest first."""
    waiting = [error]
    met: set[int] = set()
    while waiting and len(met) < _MOST:
        current = waiting.pop(0)
        if current is None or id(current) in met:
            continue
        met.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions


def groups_in(error: BaseException | None) -> Iterator[BaseExceptionGroup[BaseException]]:
    """Yield the groups among the errors that a failure came of."""
    for one in errors_in(error):
        if isinstance(one, BaseExceptionGroup):
            yield one


def is_of_the_client(error: BaseException) -> bool:
    """Tell whether it was our client that raised an error, and not somebody who made one like it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).startswith(_OURS)
