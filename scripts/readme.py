"""Writes the tables of the README and of `docs` that the code knows better: options, fixtures, tiers, faults.

`python scripts/readme.py` writes them; with `--check` it only tells whether they are current.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from pytest_runloop import plugin
from pytest_runloop.local.engine import select
from pytest_runloop.local.engine.meanings import meaning
from pytest_runloop.local.engine.protocol import Capability
from pytest_runloop.local.faults import control, reference
from pytest_runloop.session.options import OPTIONS, SNAPSHOT, SNAPSHOT_ON_FAIL

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_BLOCK = re.compile(r"(<!-- (\w+): written by scripts/readme\.py -->\n).*?(<!-- end -->)", re.DOTALL)


def options() -> str:
    """Return the table of options."""
    rows = []
    for option in OPTIONS:
        places = f"`{option.ini}`" + (f", `{option.env}`" if option.env else "")
        default = "" if option.default in (None, False, ()) else f" Default: `{option.default}`."
        rows.append((f"`{option.flag}` {_cell(option.kind.metavar)}".strip(), places, option.help + default))
        if option is SNAPSHOT:
            rows.append((f"`{SNAPSHOT_ON_FAIL}`", "", f"Short for `{SNAPSHOT.flag}=on-failure`."))
    return _table(("command line", "ini, environment", "meaning"), rows)


def fixtures() -> str:
    """Return the table of fixtures, with the first line of each docstring."""
    rows = []
    for name, value in vars(plugin).items():
        definition = getattr(value, "_fixture_function_marker", None)
        if definition is not None:
            first = (inspect.getdoc(value) or "").splitlines()[0]
            rows.append((f"`{name}`", str(definition.scope), first))
    return _table(("fixture", "scope", "gives"), rows)


def tiers() -> str:
    """Return the table of capabilities by tier, from the engines' own declarations."""
    declared = select.tiers()
    rows = [
        (
            f"`{capability}`: {_cell(meaning(capability))}",
            *("yes" if capability in tier.capabilities else "no" for tier in declared.values()),
        )
        for capability in Capability
    ]
    return _table(("capability", *(f"`{name}`" for name in declared)), rows)


def faults() -> str:
    """Return the tables of settings and faults of a plan."""
    return reference.markdown()


def routes() -> str:
    """Return the table of the routes that work a plan."""
    lines = (control.__doc__ or "").splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith("|"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head)]
    lines += [["---"] * len(lines[0]), *map(list, rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def current(text: str) -> str:
    """Return a page with its written tables as they must be."""
    tables = (options, fixtures, tiers, faults, routes)
    write: dict[str, Callable[[], str]] = {table.__name__: table for table in tables}
    return _BLOCK.sub(lambda block: block[1] + write[block[2]]() + block[3], text)


def main(arguments: list[str]) -> int:
    """Write the tables, or check them."""
    stale = 0
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = current(before)
        if before == after:
            continue
        stale = 1
        if arguments == ["--check"]:
            print(f"{page.relative_to(ROOT)} has stale tables: run python scripts/readme.py")
        else:
            page.write_text(after, encoding="utf-8")
    return stale if arguments == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
