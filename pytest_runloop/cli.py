"""The `pytest-runloop` command: each room of this package declares its part, in a module `arguments`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from ._version import __version__
from .doctor import arguments as of_doctor
from .local import arguments as of_local
from .remains import arguments as of_remains
from .remains.snapshots import arguments as of_snapshots
from .wayback import arguments as of_wayback

# What they need to work is imported by the command that is given.
_ROOMS = (of_local, of_doctor, of_remains, of_snapshots, of_wayback)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :param arguments: without the program's name; those of the process by default.
    :return: the exit code: 0, or 1 after a failure (wrong usage exits with 2).
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        status: int = options.act(options)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pytest-runloop",
        description="Isolated Linux devboxes for pytest.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for room in _ROOMS:
        room.declare(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
