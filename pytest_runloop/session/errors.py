"""Why a devbox cannot be had, in words for people."""

from __future__ import annotations

from .verdict.verdict import Finding


class UnavailableError(Exception):
    """A devbox cannot be had. Its text tells what was asked, what happened and what to do."""

    finding: Finding | None = None
    """What it proves of the environment, where the error that it came of is not at hand."""


class StopRunError(UnavailableError):
    """No devbox can be had in this run at all, so that going on would only repeat the error.

    :param text: the whole story.
    :param short: the reason in a few words, for the line that says why the run stopped.
    """

    def __init__(self, text: str, short: str) -> None:
        self.short = short
        super().__init__(text)
