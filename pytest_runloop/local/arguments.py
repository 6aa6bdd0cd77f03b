"""The arguments of `pytest-runloop serve`."""

from __future__ import annotations

import argparse
import gc
from pathlib import Path
from typing import TYPE_CHECKING

from ..commands import ISOLATIONS, Commands

if TYPE_CHECKING:
    from .faults import FaultPlan


def declare(commands: Commands) -> None:
    """Add `serve`."""
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
            "where all is kept that outlives it, as blueprints, snapshots, secrets and axons; servers may"
            " share it (default: RUNLOOP_STATE_DIR, or pytest-runloop below XDG_STATE_HOME or ~/.local/state)"
        ),
    )
    serve.add_argument(
        "--isolation",
        choices=ISOLATIONS,
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
    serve.set_defaults(act=_serve)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def _plan(text: str) -> FaultPlan:
    from .faults import FaultPlan, FaultPlanError

    try:
        return FaultPlan.parse(text)
    except FaultPlanError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _serve(options: argparse.Namespace) -> int:
    # What is imported is no garbage, and to look for some takes a sixth of the start. Once up, it does.
    gc.disable()
    try:
        # The server's libraries are imported only by who serves.
        from .serve import Options, serve

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
