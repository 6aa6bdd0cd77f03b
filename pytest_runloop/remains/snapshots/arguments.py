"""The arguments of `pytest-runloop snapshots`."""

from __future__ import annotations

import argparse

from ...commands import Commands


def declare(commands: Commands) -> None:
    """Add `snapshots`."""
    snapshots = commands.add_parser(
        "snapshots",
        help="list the snapshots that test runs left, or delete some",
        description=(
            "List the disk snapshots that test runs took of their devboxes: of this machine (its state"
            " directory), and with RUNLOOP_API_KEY of the account. With --older, --keep-last or --test,"
            " choose those that all of these apply to, or name them by their ids; with --yes, delete them. No"
            " other snapshot is ever touched, nor one of a run that lives, or that a living devbox or a"
            " scenario starts from. The exit status is 0, 1 if a server did not answer or something that was"
            " chosen was not deleted, 2 for wrong usage or an id that is none of a run's snapshots."
        ),
        allow_abbrev=False,
    )
    snapshots.add_argument("--older", type=_age, metavar="AGE", help="older than this: 90s, 30m, 12h, 7d")
    snapshots.add_argument(
        "--keep-last", type=_number, metavar="N", help="all but those of the newest N runs of each test"
    )
    snapshots.add_argument(
        "--test", metavar="PATTERN", help="of tests whose id has this in it, or matches it as `*::test_a*`"
    )
    snapshots.add_argument("--yes", action="store_true", help="delete them")
    snapshots.add_argument("--json", action="store_true", help="print a JSON object, for programs")
    snapshots.add_argument("ids", nargs="*", default=[], metavar="ID", help="precisely these")
    snapshots.set_defaults(act=_snapshots)


def _age(text: str) -> float:
    number, unit = text[:-1], {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(text[-1:])
    if unit is None or not (number.isascii() and number.isdigit()):
        raise argparse.ArgumentTypeError(f"an age is a whole number and s, m, h or d, as 7d, not {text!r}")
    return float(number) * unit


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"a whole number, 0 or more, is wanted, not {text!r}")
    return int(text)


def _snapshots(options: argparse.Namespace) -> int:
    from .choice import Choice
    from .command import command

    choice = Choice(options.ids, options.older, options.keep_last, options.test)
    return command(choice, really=options.yes, as_json=options.json)
