"""What the commands say, and with which status they end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

FAILED, WRONG_USAGE = 1, 2


def print_lines(lines: Iterable[str]) -> None:
    """Print lines; characters that the output cannot show are written as escapes."""
    try:
        for line in lines:
            sys.stdout.buffer.write(line.encode(sys.stdout.encoding or "ascii", "backslashreplace") + b"\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has enough. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def refused(command: str, why: Iterable[str], status: int = WRONG_USAGE) -> int:
    """Say on standard error why a command does nothing.

    :return: the exit status, as given.
    """
    for reason in why:
        print(f"pytest-runloop {command}: {reason}", file=sys.stderr)
    return status
