"""What a failure is called, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pytest


class Kind(StrEnum):
    """What went wrong."""

    CODE = "code"
    DEVBOX_DIED = "devbox died"
    NEVER_BOOTED = "never booted"
    TRANSPORT_FAILED = "transport failed"
    QUOTA = "quota"
    EXEC_NEVER_STARTED = "exec never started"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that proves that the environment failed.

    :param kind: what failed.
    :param text: what was seen, in a sentence.
    :param devbox: whose, if it is about one.
    """

    kind: Kind
    text: str
    devbox: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a failure is.

    :param kind: what went wrong.
    :param evidence: what was seen, in sentences; of a plain failure of the code only what a reader may want
        to know.
    """

    kind: Kind
    evidence: tuple[str, ...] = ()

    @property
    def environment(self) -> bool:
        """Whether it is proven that the environment failed."""
        return self.kind is not Kind.CODE

    def __str__(self) -> str:
        return f"environment: {self.kind}" if self.environment else str(self.kind)


VERDICT = pytest.StashKey[Verdict]()
"""The verdict on a test's attempt, in its item's stash: of the code, if any failure in it is."""
