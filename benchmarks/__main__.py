"""`python -m benchmarks [NAME …]`: run all benchmarks, or those named, and print one table."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks

from .figures import Figure, table

_SUPPORT = {"__main__", "figures", "local", "wrong_code"}


def names() -> list[str]:
    """Return the names of all benchmarks."""
    return [
        module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name not in _SUPPORT
    ]


def main(chosen: list[str]) -> int:
    """Run benchmarks and print their figures; the exit status tells whether all reached what they must."""
    unknown = set(chosen) - set(names())
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(names())}")
        return 2
    figures: list[Figure] = []
    for name in chosen or names():
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        figures += importlib.import_module(f"benchmarks.{name}").measure()
    print(table(figures))
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
