"""`python -m tests.crash`: try out cases by the hundred, and print what was left and for how long."""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time

from .lane import Outcome
from .lanes import try_all


def main() -> int:
    """Run the script; the exit status tells whether every case ended clean."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many cases")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="the first; `--seeds 1` repeats one"
    )
    parser.add_argument("--lanes", type=int, default=2, help="how many at a time")
    parser.add_argument("--verbose", action="store_true", help="print every case")
    options = parser.parse_args()
    print(f"seeds {options.seed} to {options.seed + options.seeds - 1}", flush=True)
    outcomes: list[Outcome] = []
    for outcome in try_all(range(options.seed, options.seed + options.seeds), options.lanes):
        outcomes.append(outcome)
        if options.verbose or not outcome.clean:
            print(outcome, flush=True)
    print(summary(outcomes))
    return 0 if len(outcomes) == options.seeds and all(outcome.clean for outcome in outcomes) else 1


def summary(outcomes: list[Outcome]) -> str:
    """Return the figures."""
    seconds = sorted(outcome.seconds for outcome in outcomes if outcome.died) or [0.0]
    slowest = seconds[math.ceil(len(seconds) * 0.99) - 1]
    return (
        f"{len(outcomes)} cases, {sum(outcome.died for outcome in outcomes)} with a death: "
        f"{sum(len(outcome.leaked) for outcome in outcomes)} devboxes leaked, "
        f"{sum(len(outcome.touched) for outcome in outcomes)} of others touched, "
        f"{sum(outcome.left for outcome in outcomes)} run directories left; "
        f"until none was left: median {statistics.median(seconds):.2f} s, "
        f"p99 {slowest:.2f} s, longest {seconds[-1]:.2f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
