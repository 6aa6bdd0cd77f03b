"""`.dockerignore`."""

from __future__ import annotations

import pytest

from pytest_runloop.local.dockerfile.errors import DockerfileError
from pytest_runloop.local.dockerfile.ignore import parse_ignore


@pytest.mark.parametrize(
    ("text", "ignored", "kept"),
    [
        ("node_modules", ["node_modules", "node_modules/a/b"], ["src/node_modules", "node_modules2"]),
        ("/build/", ["build", "build/x"], ["a/build"]),
        ("*.log", ["a.log", ".log"], ["a/b.log", "a.logs"]),
        ("*/*.log", ["a/b.log"], ["b.log", "a/b/c.log"]),
        ("**/*.log", ["b.log", "a/b.log", "a/b/c.log"], ["a/b.txt"]),
        ("**.pyc", ["a.pyc", "b/a.pyc"], ["a.py"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a/x/b/c"], ["a/c", "b"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b"]),
        ("temp?", ["temp1"], ["temp", "temp12", "a/temp1"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x"]),
        ("[^a]x", ["bx"], ["ax", "/x"]),
        ("\\*", ["*"], ["a"]),
        ("a\\[1\\]", ["a[1]"], ["a1"]),
        ("*.md\n!README.md", ["a.md"], ["README.md"]),
        ("!README.md\n*.md", ["README.md"], []),
        ("*\n!src", ["a", "a/src"], ["src", "src/a/b"]),
        ("*\n!src\nsrc/*.o", ["src/a.o"], ["src/a.c"]),
        ("docs\n!docs/*.md\ndocs/README*", ["docs/a.txt", "docs/README.md"], ["docs/a.md"]),
        ("# comment\n\n  a  \r\n", ["a"], ["# comment", "b"]),
        ("a/../b", ["b"], ["a"]),
        (".\n/", [], ["a"]),
        ("\ufeffa", ["a"], []),
    ],
)
def test_the_last_line_that_matches_decides(text: str, ignored: list[str], kept: list[str]) -> None:
    rules = parse_ignore(text)
    assert [path for path in [*ignored, *kept] if rules.ignores(path)] == ignored


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\n[b", "line 2"),
        ("!", "line 1"),
        ("a\\", "line 1"),
        ("[z-a]", "ends before"),
        ("[^]", "ends inside"),
        ("[]a]", "ends inside"),
    ],
)
def test_a_malformed_line_is_named(text: str, said: str) -> None:
    with pytest.raises(DockerfileError, match=said):
        parse_ignore(text)
