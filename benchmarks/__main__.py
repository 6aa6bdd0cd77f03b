"""`python -m benchmarks [NAME …]`: run all benchmarks, for hours, or those named, and print a table."""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Callable

import benchmarks

from .figures import HEAD, Figure, row

_SUPPORT = {"__main__", "cutting", "figures", "local", "printing", "wrong_code"}
Measure = Callable[..., list[Figure]]


def names() -> list[str]:
    """Return the names of all benchmarks."""
    return [
        module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name not in _SUPPORT
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run benchmarks and print their figures; the exit status tells whether all reached what they must."""
    chosen, seed = _understood(arguments)
    print(HEAD, flush=True)
    reached = [_measured(name, measure, seed) for name, measure in chosen.items()]
    return 0 if all(reached) else 1


def _measured(name: str, measure: Measure, seed: int | None) -> bool:
    """Run a benchmark, print its figures, and return whether they reached what they must."""
    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    try:
        figures = measure() if seed is None else measure(seed=seed)
    except Exception:  # hours of the others' work must not be lost by it
        print(f"{name} broke:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        return False
    for figure in figures:
        print(row(figure), flush=True)
    return all(figure.reached for figure in figures)


def _understood(arguments: list[str] | None) -> tuple[dict[str, Measure], int | None]:
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description="Measures the figures of the README."
    )
    parser.add_argument("name", nargs="*", help=f"all by default: {', '.join(names())}")
    parser.add_argument("--seed", type=int, help="decides what is random in the benchmarks that are named")
    given = parser.parse_args(arguments)
    if unknown := set(given.name) - set(names()):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(names())}")
    chosen = {name: _measure(name) for name in given.name or names()}
    unseeded = [name for name, measure in chosen.items() if not _takes_seed(measure)]
    if given.seed is not None and unseeded:
        parser.error(f"nothing that a seed decides: {', '.join(unseeded)}")
    return chosen, given.seed


def _measure(name: str) -> Measure:
    found: Measure = importlib.import_module(f"benchmarks.{name}").measure
    return found


def _takes_seed(measure: Measure) -> bool:
    return "seed" in inspect.signature(measure).parameters


if __name__ == "__main__":
    sys.exit(main())
