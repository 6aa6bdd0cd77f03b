"""`.dockerignore`: which files of the build context do not exist for the build."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import DockerfileError
from .patterns import compile_pattern


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """One line.

    :param pattern: as written, for messages.
    :param keeps: written with `!`: what it matches is not ignored after all.
    :param line: the number of the line, from 1.
    """

    pattern: str
    expression: re.Pattern[str]
    keeps: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """All lines, in order. The last one that matches a path, or a directory above it, decides."""

    rules: tuple[IgnoreRule, ...] = ()

    def decides(self, path: str) -> IgnoreRule | None:
        """Return the rule by which this path is ignored, or `None` if it is not.

        :param path: relative to the context, with `/` between names.
        """
        names = path.split("/")
        ways = ["/".join(names[:depth]) for depth in range(len(names), 0, -1)]
        for rule in reversed(self.rules):
            if any(rule.expression.fullmatch(way) for way in ways):
                return None if rule.keeps else rule
        return None

    def ignores(self, path: str) -> bool:
        """Tell whether this path is ignored."""
        return self.decides(path) is not None

    @property
    def has_exceptions(self) -> bool:
        """Whether something below an ignored directory may be kept."""
        return any(rule.keeps for rule in self.rules)


def parse_ignore(text: str) -> IgnoreRules:
    """Parse the text of a `.dockerignore`.

    :raises DockerfileError: if a pattern is malformed; it names the line.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    return ignore_rules(lines)


def ignore_rules(lines: Iterable[str]) -> IgnoreRules:
    """Return the rules of these lines, as `--exclude` gives them one by one.

    :raises DockerfileError: if a pattern is malformed.
    """
    rules = (_rule(line, number) for number, line in enumerate(lines, 1) if not line.startswith("#"))
    return IgnoreRules(tuple(rule for rule in rules if rule))


def _rule(line: str, number: int) -> IgnoreRule | None:
    text = line.strip()
    keeps = text.startswith("!")
    pattern = text.removeprefix("!").strip() if keeps else text
    if keeps and not pattern:
        raise DockerfileError(f".dockerignore line {number}: `!` without a pattern", expected="!PATTERN")
    if not pattern:
        return None
    cleaned = posixpath.normpath(pattern).lstrip("/").strip()
    # `.` is the context itself; Docker leaves such a line out of account.
    if cleaned in ("", "."):
        return None
    try:
        return IgnoreRule(text, compile_pattern(cleaned, deep=True), keeps, number)
    except DockerfileError as error:
        raise DockerfileError(f".dockerignore line {number}: {error.what}", expected=error.expected) from None
