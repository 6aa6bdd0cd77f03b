"""What runs in the devbox: a shell, or a command, at a terminal of its own or without one."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

TTY = re.compile(r"^pytest-runloop-tty (/\S+)\r?\n", re.MULTILINE)
"""The line by which the devbox tells the name of the terminal, on standard error."""
NO_TERMINAL = "pytest-runloop-no-terminal"
"""What it says there if it has nothing that makes terminals."""

_INSIDE = Path(__file__).with_name("inside.py")
_OWN_SHELL = '"${BASH:-sh}"'


def line_of(words: Sequence[str]) -> str:
    """Return the line for a shell that a user's words stand for.

    :param words: one is such a line already; several are a program and its arguments.
    """
    return words[0] if len(words) == 1 else shlex.join(words)


def without_terminal(words: Sequence[str], prelude: str = "") -> str:
    """Return the command that runs a user's words, or a shell that reads commands, without a terminal.

    :param prelude: what the shell does before.
    """
    return prelude + (line_of(words) if words else f"exec {_OWN_SHELL}")


def with_terminal(words: Sequence[str], rows: int, columns: int, prelude: str = "") -> str:
    """Return the command that runs a user's words, or a shell for a person, at a terminal of its own.

    Python comes first. `script` waits for the terminal to take what is typed and prints nothing meanwhile,
    so that much that is pasted at once can bring it to a standstill.
    """
    program = f"{_OWN_SHELL} " + (f"-c {shlex.quote(line_of(words))}" if words else "-i")
    size = f"rows {rows} cols {columns}"
    typescript = f"echo pytest-runloop-tty $(tty) >&3; exec 3>&-; stty sane iutf8 {size}; exec {program}"
    return "\n".join(
        [
            f"export TERM={shlex.quote(os.environ.get('TERM') or 'xterm-256color')}",
            '[ -n "$LANG$LC_ALL$LC_CTYPE" ] || export LANG=C.UTF-8',
            prelude,
            "if python3 -c 'import pty, termios' 2>/dev/null; then",
            f"exec python3 -c {shlex.quote(_INSIDE.read_text(encoding='utf-8'))} {rows} {columns} {program}",
            "elif command -v script >/dev/null 2>&1; then",
            f"exec script -qefc {shlex.quote(typescript)} /dev/null 3>&2",
            f"else echo {NO_TERMINAL} >&2; exit 127; fi",
        ]
    )


def resizing(tty: str, rows: int, columns: int) -> str:
    """Return the command that gives a terminal another size."""
    return f"stty -F {shlex.quote(tty)} rows {rows} cols {columns}"
