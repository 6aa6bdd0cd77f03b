"""SIGTERM, which CI systems send, ends a run in order, as Ctrl-C does."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from types import FrameType


def bridge() -> Callable[[], None]:
    """Let SIGTERM interrupt the run, if nobody else handles it.

    Without this a SIGTERM ends Python at once, and no clean-up of pytest runs.

    :return: what takes it back.
    """
    if threading.current_thread() is not threading.main_thread():
        return _nothing
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return _nothing
    signal.signal(signal.SIGTERM, _interrupt)
    return _take_back


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Once: the clean-up that it starts is bounded, and must not be interrupted by impatience.
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt("SIGTERM")


def _take_back() -> None:
    with contextlib.suppress(ValueError):  # pytest is ended by another thread
        if signal.getsignal(signal.SIGTERM) in (_interrupt, signal.SIG_IGN):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _nothing() -> None:
    pass
