"""What happened in a run, written by every process of it, read by the one that reports."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """A file of one JSON object a line.

    A line is one write to a file opened for appending, so lines of several workers do not mix, and what a
    worker wrote before it crashed stays. It begins with the line's end too: what a full disk took only a
    part of must not spoil the next.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, what: str, **details: Any) -> None:
        """Add an event."""
        line = "\n" + json.dumps({"what": what, **details}) + "\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def read(self, what: str) -> Iterator[dict[str, Any]]:
        """Yield the events of a kind, in order. A line that was not written to its end does not count."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            event = _parsed(line)
            if event.get("what") == what:
                yield event


def _parsed(line: str) -> dict[str, Any]:
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return event
