"""Parameters of the calls of terminals in devboxes."""

from __future__ import annotations

from typing import Literal, Required

from typing_extensions import TypedDict

from ._strict import strict

PtyControlAction = Literal["resize", "signal", "close"]


@strict
class PtyConnectParams(TypedDict, total=False):
    """The size of a terminal (service of 2026). It counts if both are there, and 1 to 1,000."""

    cols: int
    """Characters; 80 unless given."""
    rows: int
    """Characters; 24 unless given."""


@strict
class PtyControlParams(TypedDict, total=False):
    """What to do to a terminal (service of 2026)."""

    action: Required[PtyControlAction]
    cols: int
    """With `resize`: characters, 1 to 1,000."""
    rows: int
    """With `resize`: characters, 1 to 1,000."""
    signal: str
    """With `signal`: its name, as `SIGTERM`. It goes to the process group in the foreground."""
