"""The `pytest-runloop` command."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from .local.faults import FaultPlan


_ISOLATIONS = ("auto", "namespace", "container", "landlock", "process")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :param arguments: without the program's name; those of the process by default.
    :return: the exit code: 0, or 1 after a failure (wrong usage exits with 2).
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "serve":
        return _serve(options)
    if options.command == "doctor":
        return _doctor(options)
    if options.command == "ps":
        return _ps(options)
    if options.command == "sweep":
        return _sweep(options)
    if options.command == "snapshots":
        return _snapshots(options)
    if options.command == "shell":
        return _shell(options)
    if options.command == "repro":
        return _repro(options)
    parser.print_help()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pytest-runloop",
        description="Isolated Linux devboxes for pytest.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_serve(commands)
    _add_doctor(commands)
    _add_ps(commands)
    _add_sweep(commands)
    _add_snapshots(commands)
    _add_shell(commands)
    _add_repro(commands)
    return parser


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser(
        "serve",
        help="run the local backend alone",
        description=(
            "Run the local backend: the Runloop API on the loopback interface, with devboxes on this machine."
            " When it is ready it prints one line of JSON with `base_url` and `api_key`."
            " The key is that of RUNLOOP_API_KEY, or a random one."
            " It ends in order on SIGTERM and Ctrl-C, and all its devboxes with it."
        ),
        allow_abbrev=False,
    )
    serve.add_argument(
        "--port", type=_port, default=0, metavar="N", help="port to listen on (default: a free one)"
    )
    serve.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help=(
            "where blueprints and snapshots are kept; servers may share it"
            " (default: RUNLOOP_STATE_DIR, or pytest-runloop below XDG_STATE_HOME or ~/.local/state)"
        ),
    )
    serve.add_argument(
        "--isolation",
        choices=_ISOLATIONS,
        default="auto",
        help="what isolates the devboxes (default: the best that this machine permits; never `process`)",
    )
    serve.add_argument("--until-eof", action="store_true", help="end with the standard input")
    serve.add_argument(
        "--owner-lock",
        type=Path,
        metavar="FILE",
        help="end when the lock (flock) on this file is free: when the process that holds it has died",
    )
    serve.add_argument(
        "--outlive",
        type=Path,
        metavar="DIR",
        help=(
            "with --owner-lock: devboxes whose ids are names of files in DIR (without suffix) outlive that"
            " process; the server ends with the last of them"
        ),
    )
    serve.add_argument(
        "--faults",
        type=_plan,
        metavar="PLAN",
        help=(
            "make calls slow, fail or get lost, and devboxes die, as this plan says:"
            " `preset=cloud, seed=7, http_503=2%%@devboxes.create*`"
        ),
    )


def _add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="say what a run here would get, what is missing, and how to get it",
        description=(
            "Say what a run of pytest in this directory would use and why, which isolation this machine gives"
            " (by booting a devbox in each tier), what is missing and how to get it. The exit status is 0 if"
            " what is asked for can be had, 1 if not, 2 for wrong usage."
        ),
        allow_abbrev=False,
    )
    doctor.add_argument(
        "--isolation",
        choices=_ISOLATIONS,
        help="what must be had on this machine (default: whatever a run here asks for, the cloud included)",
    )
    doctor.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="look at this state directory, not at that of a run here",
    )
    doctor.add_argument("--json", action="store_true", help="print a JSON object, for programs")


def _add_ps(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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


def _add_sweep(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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


def _add_snapshots(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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


def _age(text: str) -> float:
    number, unit = text[:-1], {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(text[-1:])
    if unit is None or not (number.isascii() and number.isdigit()):
        raise argparse.ArgumentTypeError(f"an age is a whole number and s, m, h or d, as 7d, not {text!r}")
    return float(number) * unit


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"a whole number, 0 or more, is wanted, not {text!r}")
    return int(text)


def _add_shell(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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


def _add_repro(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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
        choices=_ISOLATIONS,
        help="what isolates a local devbox (default: what isolated the test's)",
    )
    repro.add_argument("bundle", type=Path, metavar="BUNDLE", help="the folder of the failed test")
    repro.add_argument(
        "words",
        nargs="*",
        metavar="COMMAND",
        help="after `--`: run this in place of a shell, as `shell` does",
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def _plan(text: str) -> FaultPlan:
    from .local.faults import FaultPlan, FaultPlanError

    try:
        return FaultPlan.parse(text)
    except FaultPlanError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _serve(options: argparse.Namespace) -> int:
    # What is imported is no garbage, and to look for some takes a sixth of the start. Once up, it does.
    gc.disable()
    try:
        # The server's libraries are imported only by who serves.
        from .local.serve import Options, serve

        return serve(
            Options(
                port=options.port,
                state_dir=options.state_dir,
                isolation=options.isolation,
                until_eof=options.until_eof,
                owner_lock=options.owner_lock,
                outlive=options.outlive,
                faults=options.faults,
            )
        )
    finally:
        gc.enable()


def _doctor(options: argparse.Namespace) -> int:
    from .doctor.command import doctor

    return doctor(options.isolation, options.state_dir, as_json=options.json)


def _ps(options: argparse.Namespace) -> int:
    from .remains.command import ps

    return ps(as_json=options.json)


def _sweep(options: argparse.Namespace) -> int:
    from .remains.command import sweep

    return sweep(options.run, options.devbox, really=options.yes)


def _snapshots(options: argparse.Namespace) -> int:
    from .remains.snapshots.choice import Choice
    from .remains.snapshots.command import command

    choice = Choice(options.ids, options.older, options.keep_last, options.test)
    return command(choice, really=options.yes, as_json=options.json)


def _shell(options: argparse.Namespace) -> int:
    from .wayback.command import shell

    return shell(options.devbox, options.words, keep_alive=not options.no_keep_alive)


def _repro(options: argparse.Namespace) -> int:
    from .wayback.repro import Wish, repro

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


if __name__ == "__main__":
    sys.exit(main())
