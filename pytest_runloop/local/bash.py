"""How commands become processes: a login shell of their own, from home.

The shell is bash. An image may have none; then it is that image's `sh`.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Mapping

from .descriptors import write_file
from .dockerfile.config import DEFAULT_PATH
from .engine.protocol import Box

# The kernel takes at most 128 KiB for one argument.
_ARGUMENT_MAX = 120 * 1024


def environment_of(box: Box, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the box with that of the devbox over it."""
    return {**box.environment, **extra, "PATH": _path(box, extra)}


def _path(box: Box, extra: Mapping[str, str]) -> str:
    # `ENV PATH=/opt/bin:$PATH` was resolved before there was a box, and tiers have commands in places of
    # their own.
    own = box.environment["PATH"]
    return extra["PATH"].replace(DEFAULT_PATH, own) if "PATH" in extra else own


def _keeping_path(box: Box, command: str, extra: Mapping[str, str]) -> str:
    # A login shell begins with /etc/profile, which sets PATH anew. On the same line, so that line
    # numbers in messages stay right.
    keep = "PATH" in extra or shell_of(box) != "bash"
    return f"export PATH={shlex.quote(_path(box, extra))}; {command}" if keep else command


def shell_of(box: Box) -> str:
    """Return the shell that commands run in: bash, or `sh` where an image has no bash."""
    return box.environment["SHELL"].rpartition("/")[2]


async def login_shell(box: Box, command: str, extra: Mapping[str, str]) -> list[str]:
    """Return the arguments that run a command in a login shell of its own.

    :param extra: the devbox's environment variables: a PATH among them wins over the profile's.
    """
    script = _keeping_path(box, command, extra)
    if len(script.encode()) <= _ARGUMENT_MAX:
        return [shell_of(box), "-lc", script]
    path = await _script_file(box, script)
    return [shell_of(box), "-lc", from_file('"$1"', "set --; "), shell_of(box), path]


def from_file(path: str, first: str = " ") -> str:
    """Return a shell line that runs a script from a file, which it removes before.

    :param path: the file, as a quoted word.
    :param first: what to run before it, on its first line.
    """
    return f'eval "{first}$(cat -- {path}; rm -f -- {path})"'


async def script_for_shell(box: Box, command: str) -> str:
    """Return the line that makes a persistent shell run a command."""
    if len(command.encode()) <= _ARGUMENT_MAX:
        # The space keeps `eval` from taking a dash for an option; not every shell knows `--` there.
        return f"eval {shlex.quote(f' {command}')}"
    return from_file(shlex.quote(await _script_file(box, command)))


async def _script_file(box: Box, script: str) -> str:
    """Write a script that is too long for an argument, and return its path."""
    name = f".runloop-command-{secrets.token_hex(8)}"
    await write_file(box, f"~/{name}", script, mode=0o600)
    return f"{box.home}/{name}"
