"""Go's path patterns, which Docker uses in COPY, ADD, `--exclude` and `.dockerignore`."""

from __future__ import annotations

import re
from functools import cache

from .errors import DockerfileError

_TOKEN = re.compile(r"\\(?P<escaped>.)|(?P<class>\[\^?+(?:\\.|[^\]\\])+\])|(?P<deep>\*\*/?)|.", re.DOTALL)
_CLASS_ITEM = re.compile(r"\\(.)|(.)", re.DOTALL)


def has_wildcard(path: str) -> bool:
    """Tell whether the path is a pattern."""
    return any(character in path for character in "*?[\\")


@cache
def compile_pattern(pattern: str, *, deep: bool) -> re.Pattern[str]:
    """Translate a pattern to a regular expression for `fullmatch`.

    :param deep: whether `**` stands for any number of directories; else it is like `*`.
    :raises DockerfileError: if a bracket or a backslash has no partner.
    """
    return re.compile("".join(_piece(match, pattern, deep) for match in _TOKEN.finditer(pattern)), re.DOTALL)


def _piece(match: re.Match[str], pattern: str, deep: bool) -> str:
    text = match.group()
    if match["escaped"]:
        return re.escape(match["escaped"])
    if match["class"]:
        return _class(match["class"], pattern)
    if match["deep"] and deep:
        return _stars(match, pattern)
    if text in ("[", "\\"):
        raise DockerfileError(f"the pattern `{pattern}` ends inside `{text}`", expected="[a-z] or \\[")
    return text.replace("*", "[^/]*") if text[0] == "*" else "[^/]" if text == "?" else re.escape(text)


def _stars(match: re.Match[str], pattern: str) -> str:
    """Docker's rule: all that follows at the end, all that ends so in `**.txt`, else whole directories."""
    suffix = match.start() == 0 and match.group() == "**" and not has_wildcard(pattern[2:])
    return ".*" if suffix or match.end() == len(pattern) else "(?:.*/)?"


def _class(text: str, pattern: str) -> str:
    negated = text.startswith("[^")
    items = [escaped or plain for escaped, plain in _CLASS_ITEM.findall(text[2 if negated else 1 : -1])]
    ranges: list[str] = []
    while items:
        low = high = items.pop(0)
        if len(items) > 1 and items[0] == "-":
            _, high = items.pop(0), items.pop(0)
        if low > high:
            raise DockerfileError(
                f"the pattern `{pattern}` has a range `{low}-{high}` that ends before it begins"
            )
        ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    inside = f"[{'^' if negated else ''}{''.join(ranges)}]"
    # No pattern but `**` crosses a directory.
    return f"(?!/){inside}"
