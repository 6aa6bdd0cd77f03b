"""Marks commands, so that everything that they start can be found and ended by one further command."""

from __future__ import annotations

import math
import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import ArgumentError

END_SECONDS: Final = 10
"""How long the ending goes on at the most."""
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of the processes of a command that was ended.

    :param survivors: those that could not be ended, each as its number and name.
    :param unproven: why it is not known whether there are more; `None` if it is.
    """

    survivors: tuple[str, ...] = ()
    unproven: str | None = None

    @property
    def proven(self) -> bool:
        """Whether it is proven that none is left."""
        return not self.survivors and self.unproven is None

    def told(self) -> str:
        """Say it in words."""
        if self.proven:
            return "All its processes were ended, and none is left."
        survivors = f"These could not be ended: {', '.join(self.survivors)}." if self.survivors else ""
        unproven = f"That no process of it is left is not proven: {self.unproven}." if self.unproven else ""
        return " ".join(text for text in (survivors, unproven) if text)


@dataclass(frozen=True, slots=True)
class CommandLimit:
    """How long a command may run.

    :param seconds: so long.
    :param mark: what its processes bear.
    """

    seconds: float
    mark: int

    @classmethod
    def of(cls, seconds: float | None) -> CommandLimit | None:
        """Return the limit that a caller asked for, with a mark that nothing else bears.

        :raises ArgumentError: if it is not above 0, or without end: that is `None`.
        """
        if seconds is None:
            return None
        if not 0 < seconds < math.inf:
            raise ArgumentError(f"timeout must be a number of seconds above 0, and is {seconds!r}")
        return cls(seconds, (1 << 60) + secrets.randbits(60))


def marked(command: str, mark: int) -> str:
    """Return the command that gives itself a mark first, on its first line: line numbers stay right."""
    # `-x` is bash's name for the limit of file locks, `-w` that of other shells.
    return f"{{ ulimit -Sx {mark} || ulimit -Sw {mark} || :; }} 2>/dev/null; {command}"


def ending(mark: int) -> str:
    """Return the command that ends all processes with a mark, and reports."""
    script = (Path(__file__).parent / "end_marked.sh").read_text(encoding="utf-8")
    # Not in the login shell that the command comes in: the devbox may have a profile of its own making.
    words = ["exec", "/usr/bin/env", "-i", f"PATH={_PATH}", "/bin/sh", "-c", script, "end", str(mark)]
    return shlex.join([*words, str(END_SECONDS)])


def reported(output: str) -> Ended:
    """Read what the command of `ending` printed."""
    lines = [line.partition(" ") for line in output.splitlines()]
    survivors = tuple(text for word, _, text in lines if word == "left")
    unproven = next((text for word, _, text in lines if word == "impossible"), None)
    if not any(word == "done" for word, _, _ in lines):
        unproven = unproven or "the command that looks for them did not come to its end"
    return Ended(survivors, unproven)
