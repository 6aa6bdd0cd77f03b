"""Writes `docs/endpoints.md`: every endpoint, and who speaks, serves and checks it.

`python -m scripts.endpoints` writes it; with `--check` it only tells whether it is current.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_runloop.contract.all_endpoints import ALL, NAMED
from pytest_runloop.contract.endpoint import Endpoint
from pytest_runloop.local.handlers import HANDLERS
from tests.sdk import known
from tests.sdk.releases import RELEASES

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "endpoints.md"
_HEAD = """\
# Endpoints

Written by `python -m scripts.endpoints` from contract, client, server and tests; `make lint` fails when it is stale.

* **client, sync and async**: `✓` where objects of `Runloop` and `AsyncRunloop` have a method that sends it, `call` where
  `client.call(endpoint, …)` alone does: older forms of calls that have a newer one.
* **local**: the local backend serves it, and `tests/local/test_any_request.py` sends anything at all to it.
* **1.2.0, 1.32.0, 3.0.0**: this release of the official SDK has it, and calls it with its sync and its async client in
  `tests/sdk/test_releases.py`.
* **service**: the service's own OpenAPI document (mid-2026) has it.

"""


def page() -> str:
    """Return the whole page."""
    return _HEAD + _declared() + _undeclared()


def _declared() -> str:
    names = {endpoint: name for name, endpoint in NAMED.items()}
    spoken = {kind: set(_spoken(ROOT / "pytest_runloop" / "client" / kind)) for kind in ("_sync", "_async")}
    rows = [
        (
            f"`{endpoint}`",
            _spoken_mark(names[endpoint] in spoken["_sync"]),
            _spoken_mark(names[endpoint] in spoken["_async"]),
            _mark(endpoint in HANDLERS),
            *_by_source(known.key(endpoint)),
        )
        for endpoint in sorted(ALL, key=_order)
    ]
    head = ("endpoint", "client, sync", "client, async", "local", *RELEASES, "service")
    return f"{len(ALL)} are declared.\n\n{_table(head, rows)}"


def _undeclared() -> str:
    declared = {known.key(endpoint) for endpoint in ALL}
    rows = [
        (f"`{endpoint}`", *_by_source(endpoint)) for endpoint in known.sources() if endpoint not in declared
    ]
    if not rows:
        return "\nNo endpoint is missing that one of these releases or the service's document has.\n"
    text = "\n## Known, and not declared\n\nNeither our client nor the local backend has these"
    return f"{text} ({len(rows)}).\n\n{_table(('endpoint', *RELEASES, 'service'), rows)}"


def _order(endpoint: Endpoint[Any]) -> tuple[str, str]:
    return endpoint.path, endpoint.verb


def _by_source(key: str) -> list[str]:
    where = known.sources().get(key, frozenset())
    return [_mark(source in where) for source in (*RELEASES, known.SERVICE)]


def _mark(yes: bool) -> str:
    return "✓" if yes else ""


def _spoken_mark(by_an_object: bool) -> str:
    return "✓" if by_an_object else "`call`"


def _spoken(folder: Path) -> Iterator[str]:
    """Yield the endpoints that the modules of a folder name, as `devboxes.create`."""
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr.isupper():
                yield f"{node.value.id}.{node.attr.lower()}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def main(arguments: list[str]) -> int:
    """Write the page, or check it."""
    text = page()
    if arguments == ["--check"]:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        if not current:
            print("docs/endpoints.md is stale: run python -m scripts.endpoints")
        return int(not current)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
