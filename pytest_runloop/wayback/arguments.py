"""The arguments of `pytest-runloop shell` and `pytest-runloop repro`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..commands import ISOLATIONS, Commands


def declare(commands: Commands) -> None:
    """Add `shell`, `repro`."""
    _declare_shell(commands)
    _declare_repro(commands)


def _declare_shell(commands: Commands) -> None:
    shell = commands.add_parser(
        "shell",
        help="open a shell in a devbox",
        description=(
            "Open a shell in a devbox that lives, or run a command there: in one of a local backend of this"
            " machine (its state directory), or of the account of RUNLOOP_API_KEY (and RUNLOOP_BASE_URL). One"
            " that is suspended is resumed. At a terminal the shell has one too; else what comes on standard"
            " input is fed to it, and both outputs stay apart. The exit status is that of the shell or the"
            " command, or 255 if there was no way to it."
        ),
        allow_abbrev=False,
    )
    shell.add_argument(
        "--no-keep-alive",
        action="store_true",
        help="let the devbox end when its time is up (default: its lifetime starts anew while you are there)",
    )
    shell.add_argument("devbox", metavar="ID", help="the devbox (`ps` prints the ids)")
    shell.add_argument(
        "words",
        nargs="*",
        metavar="COMMAND",
        help="after `--`: one word is a line for the devbox's shell, several are a program and its arguments",
    )
    shell.set_defaults(act=_shell)


def _declare_repro(commands: Commands) -> None:
    repro = commands.add_parser(
        "repro",
        help="stand where a test failed",
        description=(
            "Start a devbox from the snapshot of a failed test, as a bundle of --runloop-artifacts tells, on"
            " the backend that it failed on, and open a shell there. Or, by a replay, start where the test's"
            " devbox was started, do once more what the test did to it up to the command that it failed at,"
            " and say what goes another way. The devbox ends with the shell."
            " The exit status is that of the shell or the command, or 255 if there was no way there."
        ),
        allow_abbrev=False,
    )
    way = repro.add_mutually_exclusive_group()
    way.add_argument(
        "--replay",
        dest="way",
        action="store_const",
        const="replay",
        help="do once more what was done (default: without a snapshot, with --run, and after a shell)",
    )
    way.add_argument(
        "--snapshot",
        dest="way",
        action="store_const",
        const="snapshot",
        help="start from the disk as the test left it (default: if there is a snapshot)",
    )
    repro.add_argument(
        "--through", action="store_true", help="when replaying: run the command that it failed at, too"
    )
    repro.add_argument(
        "--run",
        action="store_true",
        help="no shell: run the command that it failed at, print its outputs and end with its status",
    )
    repro.add_argument(
        "--keep", action="store_true", help="leave the devbox alive (a local one until Ctrl-C)"
    )
    repro.add_argument(
        "--devbox", metavar="ID", help="which of the test's devboxes (default: by the command)"
    )
    repro.add_argument(
        "--isolation",
        choices=ISOLATIONS,
        help="what isolates a local devbox (default: what isolated the test's)",
    )
    repro.add_argument("bundle", type=Path, metavar="BUNDLE", help="the folder of the failed test")
    repro.add_argument(
        "words",
        nargs="*",
        metavar="COMMAND",
        help="after `--`: run this in place of a shell, as `shell` does",
    )
    repro.set_defaults(act=_repro)


def _shell(options: argparse.Namespace) -> int:
    from .command import shell

    return shell(options.devbox, options.words, keep_alive=not options.no_keep_alive)


def _repro(options: argparse.Namespace) -> int:
    from .repro import Wish, repro

    wish = Wish(
        way=options.way,
        through=options.through,
        run=options.run,
        keep=options.keep,
        devbox=options.devbox,
        isolation=options.isolation,
        words=options.words,
    )
    return repro(options.bundle, wish)
