"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds; the machine may be busy."""


def until(condition: Callable[[], T | Literal[False]], what: str) -> T:
    """Wait until a condition holds, and return what it gave.

    :param what: what is waited for, for the message if it does not come.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE:.0f} s in vain: {what}")
        time.sleep(0.02)


def processes_that_know(text: str) -> list[int]:
    """Return the ids of the living processes that have a text in their arguments or their environment."""
    needle = text.encode()
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _knows(folder, needle)]


def _knows(folder: Path, needle: bytes) -> bool:
    try:
        if "\nState:\tZ" in (folder / "status").read_text():
            return False
        return needle in (folder / "cmdline").read_bytes() or needle in (folder / "environ").read_bytes()
    except OSError:  # it ended, or it is another user's
        return False
