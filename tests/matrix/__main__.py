"""`python -m tests.matrix`: every mode with every way to reuse devboxes, and a table of the results.

It takes a quarter of an hour; `--mode=TEXT` (with `=`, as names of modes begin with dashes) takes a part.
"""

from __future__ import annotations

import argparse
import os
import sys

from .modes import MODES, WAYS, Mode
from .place import Place, place
from .trial import Trial

_WIDTH = max(len(mode.name) for mode in MODES)


def main() -> int:
    """Run the script; the exit status tells whether everything is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--mode", default="", help="only modes with this text in their name")
    parser.add_argument("--reuse", action="append", choices=[*WAYS, "mixed"], help="only this way; repeat it")
    options = parser.parse_args()
    ways = options.reuse or [*WAYS]
    os.environ["RUNLOOP_CONTAINER_ENGINE"] = "none"
    print(f"{'':{_WIDTH}}  " + "".join(f"{way:8}" for way in ways))
    with place() as where:
        good = [_row(where, mode, ways) for mode in MODES if options.mode in mode.name]
    wrong = len(good) * len(ways) - sum(good)
    print(f"{len(good)} modes, {len(good) * len(ways)} trials, {wrong} of them wrong")
    return 0 if good and not wrong else 1


def _row(where: Place, mode: Mode, ways: list[str]) -> int:
    """Try a mode; return in how many ways all was well."""
    print(f"{mode.name:{_WIDTH}}  ", end="", flush=True)
    complaints: list[str] = []
    good = 0
    for way in ways:
        wrong = Trial(where, mode, way).run()
        good += not wrong
        print(f"{'WRONG' if wrong else 'ok':8}", end="", flush=True)
        complaints += [f"  {way}: {line}" for line in wrong]
    print(*["", *complaints], sep="\n", flush=True)
    return good


if __name__ == "__main__":
    sys.exit(main())
