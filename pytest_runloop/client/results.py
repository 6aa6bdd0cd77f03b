"""What is told of a command that ended: sizes bounded, so that a report stays readable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TOLD_CHARACTERS: Final = 8_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """A command's end.

    :param command: what ran.
    :param devbox_id: where.
    :param exit_code: its exit status, `None` if the service told none.
    :param stdout: the end of its output.
    :param stderr: the end of its standard error.
    """

    command: str
    devbox_id: str
    exit_code: int | None
    stdout: str
    stderr: str

    def told(self, meaning: str = "") -> str:
        """Say it in words.

        :param meaning: what the exit status usually means.
        """
        status = "no exit status" if self.exit_code is None else f"exit status {self.exit_code}{meaning}"
        lines = [f"Command ended with {status} in devbox {self.devbox_id}: {shortened(self.command)}"]
        for name, text in (("stdout", self.stdout), ("stderr", self.stderr)):
            lines += [f"--- {name} ---", text.rstrip("\n") if text else "(nothing)"]
        return "\n".join(lines)


def tail(text: str, characters: int = TOLD_CHARACTERS) -> str:
    """Return the end of a text, and say so where it was cut."""
    if len(text) <= characters:
        return text
    return f"[… the first {len(text) - characters:,} characters are left out]\n{text[-characters:]}"


def shortened(command: str, characters: int = 500) -> str:
    """Return the beginning of a command."""
    return command if len(command) <= characters else command[:characters] + " […]"


def last_lines(text: str, count: int) -> str:
    """Return the last lines of a text, without the newlines at its end."""
    return "\n".join(text.rstrip("\n").split("\n")[-count:]) if count > 0 else ""


def holds_lines(text: str, count: int) -> bool:
    """Tell whether a text has at least so many lines that are not empty."""
    return sum(1 for line in text.split("\n") if line) >= count
