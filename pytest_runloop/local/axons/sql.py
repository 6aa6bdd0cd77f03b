"""The words of SQL, as far as it takes to find comments and placeholders."""

from __future__ import annotations

import re

_WORDS = re.compile(
    r"""
    (?P<kept> '[^']*(?:'|\Z) | "[^"]*(?:"|\Z) | `[^`]*(?:`|\Z) | \[[^]]*(?:]|\Z) | [^\W\d][\w$]* )
    | (?P<comment> --[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<placeholder> \?\d* )
    | (?P<name> [:@$]\w+ )
    """,
    re.VERBOSE | re.DOTALL,
)
"""What has no end goes to the end of the text: looking for it again from each place would take for ever."""


def without_placeholders(sql: str) -> str:
    """Return a statement in which nothing is left to be filled in."""
    return _WORDS.sub(lambda word: " NULL " if word["placeholder"] else word[0], sql)


def is_empty(sql: str) -> bool:
    """Tell whether there is nothing to carry out."""
    return not _WORDS.sub(lambda word: " " if word["comment"] else word[0], sql).strip("; \t\r\n\f")


def named_placeholder(sql: str) -> str | None:
    """Return a placeholder that has a name, if there is one."""
    return next((word["name"] for word in _WORDS.finditer(sql) if word["name"]), None)
