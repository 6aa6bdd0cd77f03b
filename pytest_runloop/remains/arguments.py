"""The arguments of `pytest-runloop ps` and `pytest-runloop sweep`."""

from __future__ import annotations

import argparse

from ..commands import Commands


def declare(commands: Commands) -> None:
    """Add `ps`, `sweep`."""
    _declare_ps(commands)
    _declare_sweep(commands)


def _declare_ps(commands: Commands) -> None:
    ps = commands.add_parser(
        "ps",
        help="list the devboxes of test runs",
        description=(
            "List the devboxes of test runs: of all runs of this machine (its state directory), and with"
            " RUNLOOP_API_KEY (and RUNLOOP_BASE_URL) of all runs of the account. Whether a run lives is"
            " proven by a lock that it holds; of runs of other machines nobody here knows. The exit status is"
            " 0, or 1 if a server did not answer."
        ),
        allow_abbrev=False,
    )
    ps.add_argument("--json", action="store_true", help="print a JSON object, for programs")
    ps.set_defaults(act=_ps)


def _declare_sweep(commands: Commands) -> None:
    sweep = commands.add_parser(
        "sweep",
        help="end the devboxes that dead test runs left",
        description=(
            "End the devboxes of runs of this machine that are proven dead, without what they keep on"
            " purpose, or of the runs that are named, whatever is known of them: one that lives loses its"
            " devboxes. Without --yes, only say what would be ended. The exit status is 0 if nothing is left,"
            " 1 if something was not confirmed to have ended or a server did not answer, 2 for wrong usage or"
            " a run or devbox that is not known, or may not be ended."
        ),
        allow_abbrev=False,
    )
    sweep.add_argument("--yes", action="store_true", help="do it")
    sweep.add_argument(
        "--devbox",
        action="append",
        default=[],
        metavar="ID",
        help=(
            "only this devbox; may be given again. One that is in use by a run which lives is ended only if"
            " RUN_ID names that run"
        ),
    )
    sweep.add_argument(
        "run", nargs="*", default=[], metavar="RUN_ID", help="only these runs (`ps` prints the ids)"
    )
    sweep.set_defaults(act=_sweep)


def _ps(options: argparse.Namespace) -> int:
    from .command import ps

    return ps(as_json=options.json)


def _sweep(options: argparse.Namespace) -> int:
    from .command import sweep

    return sweep(options.run, options.devbox, really=options.yes)
