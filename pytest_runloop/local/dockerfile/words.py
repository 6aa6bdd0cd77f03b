"""How a line falls into words: quotes and escapes, before any variable is looked at."""

from __future__ import annotations

import re
from functools import cache


@cache
def _word(escape: str) -> re.Pattern[str]:
    token = re.escape(escape)
    # A quote without its partner runs to the end of the line, as in Docker; expansion complains about it.
    quoted = rf"""'[^']*(?:'|$)|"(?:{token}.|[^"{token}])*(?:"|{token}?$)"""
    return re.compile(rf"""(?:{token}(?:.|$)|{quoted}|[^\s'"{token}])+""", re.DOTALL)


def split_words(text: str, escape: str) -> list[str]:
    """Split at white space outside quotes. Quotes and escapes stay in the words."""
    return [match.group() for match in _word(escape).finditer(text)]


@cache
def _quoting(escape: str) -> re.Pattern[str]:
    token = re.escape(escape)
    return re.compile(
        rf"""'([^']*)(?:'|$)|"((?:{token}.|[^"{token}])*)(?:"|{token}?$)|{token}(.?)""", re.DOTALL
    )


def unquote(word: str, escape: str) -> str:
    """Return the word without its quotes and escapes."""

    def plain(match: re.Match[str]) -> str:
        single, double, escaped = match.groups()
        if double is not None:
            return re.sub(rf"{re.escape(escape)}(.)", r"\1", double, flags=re.DOTALL)
        return str(single if single is not None else escaped)

    return _quoting(escape).sub(plain, word)


def take_flags(text: str, escape: str) -> tuple[list[str], str]:
    """Take the leading `--flag=value` words off a line.

    :return: the flags without their quotes, and the rest of the line. A lone `--` ends the flags.
    """
    flags: list[str] = []
    rest = text.strip()
    while (match := _word(escape).match(rest)) and match.group().startswith("--"):
        rest = rest[match.end() :].lstrip()
        if match.group() == "--":
            break
        flags.append(unquote(match.group(), escape))
    return flags, rest
