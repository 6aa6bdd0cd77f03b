"""What ends a command of this package before it did what it was asked for."""

from __future__ import annotations

from collections.abc import Sequence


class NoWayError(Exception):
    """There is no way to where the user wants to go. Its text is for people: what, why, what to do."""


class UnknownDevboxError(NoWayError):
    """No server that was asked knows a devbox.

    :param asked: what each of them said.
    """

    def __init__(self, devbox: str, asked: Sequence[str]) -> None:
        self.asked = asked
        lines = [f"There is no devbox {devbox!r} to be found.", *(f"  - {line}" for line in asked)]
        super().__init__("\n".join([*lines, "`pytest-runloop ps` lists the devboxes that live."]))
