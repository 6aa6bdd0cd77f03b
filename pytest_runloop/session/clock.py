"""The time that a test may take, which does not pass while others look at what it did."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def stopped() -> Iterator[None]:
    """Stop the timer that pytest-timeout (`signal`) and others set; it goes on afterwards.

    What it raised in the middle of a report would end the whole run.
    """
    if not hasattr(signal, "setitimer"):  # there are no such timers
        yield
        return
    left, again = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        if left:
            signal.setitimer(signal.ITIMER_REAL, left, again)
