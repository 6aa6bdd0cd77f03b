"""The arguments of `pytest-runloop doctor`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..commands import ISOLATIONS, Commands


def declare(commands: Commands) -> None:
    """Add `doctor`."""
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
        choices=ISOLATIONS,
        help="what must be had on this machine (default: whatever a run here asks for, the cloud included)",
    )
    doctor.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="look at this state directory, not at that of a run here",
    )
    doctor.add_argument("--json", action="store_true", help="print a JSON object, for programs")
    doctor.set_defaults(act=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from .command import doctor

    return doctor(options.isolation, options.state_dir, as_json=options.json)
