"""One thing that was done to a devbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Record:
    """One thing that was done to a devbox, as far as the program that did it knows.

    :param what: `command`, `write`, `read`, `upload`, `download`, or else the last part of the call's path,
        as `suspend`.
    :param at: when it began, in seconds since the epoch.
    :param seconds: how long it took; of a command, until its end was known.
    :param execution: of a command: its id; without it, the command never started.
    :param command: of a command: what ran.
    :param params: the other parameters: `shell_name`, `attach_stdin`, and the like.
    :param exit_status: of a command: how it ended; `None` if that is not known.
    :param stdout: of a command: its output, or the end of it.
    :param stderr: of a command: its standard error, or the end of it.
    :param truncated: whether there was more output than is here.
    :param looked_at: of a command: whether the test asked how it ended.
    :param file: of a file call: the path in the devbox.
    :param source: of an upload: the file of this machine, if it came from one.
    :param content: of a write: the text, if it is not too long.
    :param size: of a file call: how many bytes, if that is known.
    :param error: the kind and the first line of what was raised.
    :param stored: of an upload, in a bundle: the name of the file beside the transcript that holds the bytes.
    :param redacted: whether something secret was taken out of what was done, so that doing it again does
        something else.
    :param dropped: whether texts of it are missing because there were too many.
    :param running: of a command: whether it ran on when the evidence was collected.
    :param data: of an upload, in memory: the bytes, if they are not too many.
    """

    what: str
    at: float
    seconds: float = 0.0
    execution: str | None = None
    command: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    exit_status: int | None = None
    stdout: str | None = None
    stderr: str | None = None
    truncated: bool = False
    looked_at: bool = False
    file: str | None = None
    source: str | None = None
    content: str | None = None
    size: int | None = None
    error: str | None = None
    stored: str | None = None
    redacted: bool = False
    dropped: bool = False
    running: bool = False
    data: bytes | None = field(default=None, repr=False)

    @property
    def never_started(self) -> bool:
        """Whether it is a command that the service did not take."""
        return self.what == "command" and self.execution is None

    @property
    def unfinished(self) -> bool:
        """Whether it is a command whose end is not known."""
        return self.execution is not None and self.exit_status is None
