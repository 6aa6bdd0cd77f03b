"""Make the sync client from the async one: `python scripts/unasync.py`, with `--check` only compare.

Token by token: `async` and `await` go, `AsyncX` becomes `X`, `async_x` becomes `x`, and the special methods
and httpx's names change as the table says. Strings get the names too, for the docstrings.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from itertools import accumulate
from pathlib import Path

CLIENT = Path(__file__).resolve().parent.parent / "pytest_runloop" / "client"
HEADER = "# Generated from ../_async/{name} by scripts/unasync.py: change that file, and run the script.\n"
NAMES = {
    "StopAsyncIteration": "StopIteration",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
    "aclosing": "closing",
    "aiter_raw": "iter_raw",
    "aread": "read",
    "asynccontextmanager": "contextmanager",
    "handle_async_request": "handle_request",
}
GONE = {"async", "await"}


def renamed(name: str) -> str:
    """Return a name's counterpart in sync code."""
    return NAMES.get(name) or re.sub(r"^async_(?=[a-z])", "", re.sub(r"^(_?)Async(?=[A-Z])", r"\1", name))


def sync_source(source: str, name: str) -> str:
    """Return the sync twin of a module, not formatted yet.

    :param source: the async module.
    :param name: its file name.
    """
    starts = [0, *accumulate(len(line) for line in source.splitlines(keepends=True))]
    parts: list[str] = []
    copied = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        twin = twin_of(token)
        if twin is None:
            continue
        start, end = (starts[row - 1] + column for row, column in (token.start, token.end))
        parts += [source[copied:start], twin]
        copied = end if twin else end + 1  # With what goes, the space after it goes.
    return HEADER.format(name=name) + "".join(parts) + source[copied:]


def twin_of(token: tokenize.TokenInfo) -> str | None:
    """Return what stands in the sync source for a token; `None` if it stays as it is."""
    if token.type == tokenize.NAME:
        return "" if token.string in GONE else renamed(token.string)
    if token.type == tokenize.STRING:
        return re.sub(r"\b(Async[A-Z]\w*|aclose|async for)\b", lambda match: in_text(match[0]), token.string)
    return None


def in_text(word: str) -> str:
    """Return a word's counterpart in a docstring."""
    return "for" if word == "async for" else renamed(word)


def formatted(source: str) -> str:
    """Return a source as the project's formatter and import sorter leave it."""
    for how in (["check", "--select", "I,F401", "--fix-only", "--quiet"], ["format", "--quiet"]):
        command = [
            sys.executable,
            "-m",
            "ruff",
            *how,
            "--stdin-filename",
            str(CLIENT / "_sync" / "x.py"),
            "-",
        ]
        done = subprocess.run(command, input=source, capture_output=True, text=True, check=True)
        source = done.stdout
    return source


def main() -> int:
    """Write the sync modules, or say which are stale; return the exit status."""
    check = "--check" in sys.argv[1:]
    target = CLIENT / "_sync"
    made = {
        path.name: formatted(sync_source(path.read_text(), path.name))
        for path in sorted((CLIENT / "_async").glob("*.py"))
    }
    present = {path.name: path.read_text() for path in target.glob("*.py")}
    stale = sorted(name for name in made.keys() | present.keys() if made.get(name) != present.get(name))
    if check and stale:
        print(f"stale in {target.name}: {', '.join(stale)}; run python scripts/unasync.py", file=sys.stderr)
        return 1
    for name in stale:
        if name in made:
            (target / name).write_text(made[name])
        else:
            (target / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
