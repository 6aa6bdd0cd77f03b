"""Reads the YAML that people write into compose files and workflows: the part of it that they use.

Mappings and lists in block or flow form, quoted, plain and block texts, comments. Anchors are not followed,
tags mean nothing, and what else YAML has makes a file unreadable here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Value = None | str | list["Value"] | dict[str, "Value"]

_KEY = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#&*!|>'"%@`\[\]{},-][^#]*?|-[^\s#][^#]*?|\*|<<)\s*:(?:\s+|$)"""
)
_BLOCK = re.compile(r"[|>][+-]?\d?[+-]?$")
_DEEPEST = 40
_LONGEST = 10_000
"""Characters of a line and of a value in brackets: expressions are matched against them."""


class YamlError(ValueError):
    """A text that is no YAML, or more of it than is read here."""


@dataclass(slots=True)
class _Line:
    indent: int
    text: str


def parse(text: str) -> Value:
    """Return what a text says: mappings, lists, and texts for all else; `None` for nothing.

    :raises YamlError: if it is not read here.
    """
    reader = _Reader(text)
    value = reader.node(0, 0)
    if reader.here is not None:
        raise YamlError(f"unexpected: {reader.here.text}")
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self._raw = text.replace("\t", "    ").splitlines()
        self._at = 0
        if any(len(line) > _LONGEST for line in self._raw):
            raise YamlError("a line is too long")

    @property
    def here(self) -> _Line | None:
        """The next line with something on it."""
        while self._at < len(self._raw):
            line = _uncommented(self._raw[self._at])
            if line.strip() and not (line.startswith(("---", "%")) and self._at < 3):
                return _Line(len(line) - len(line.lstrip()), line.strip())
            self._at += 1
        return None

    def node(self, least: int, depth: int) -> Value:
        """Read what stands at this indentation or further in."""
        line = self.here
        if line is None or line.indent < least:
            return None
        if depth > _DEEPEST:
            raise YamlError("it is nested too deeply")
        if line.text == "-" or line.text.startswith("- "):
            return self._list(line.indent, depth)
        if _KEY.match(line.text):
            return self._mapping(line.indent, depth)
        if line.text[0] in "[{":
            self._at += 1
            return self._text(line.text, least - 1, depth)
        return self._plain(least)

    def _plain(self, least: int) -> Value:
        words = []
        while (line := self.here) is not None and line.indent >= least:
            words.append(line.text)
            self._at += 1
        return _scalar(" ".join(words))

    def _list(self, indent: int, depth: int) -> list[Value]:
        items: list[Value] = []
        while (line := self.here) is not None and line.indent == indent and f"{line.text} ".startswith("- "):
            rest = line.text[1:].lstrip()
            if not rest:
                self._at += 1
                items.append(self.node(indent + 1, depth + 1))
                continue
            inner = indent + len(line.text) - len(rest)
            if f"{rest} ".startswith("- ") or _KEY.match(rest):
                # As if it stood on a line of its own.
                self._raw[self._at] = " " * inner + rest
                items.append(self.node(inner, depth + 1))
            else:
                self._at += 1
                items.append(self._text(rest, indent, depth))
        self._refuse_deeper(indent)
        return items

    def _mapping(self, indent: int, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while (line := self.here) is not None and line.indent == indent:
            match = _KEY.match(line.text)
            if match is None:
                break
            self._at += 1
            rest = line.text[match.end() :].strip()
            key = _unquoted(match[1])
            if rest and not _is_mark(rest):
                found[key] = self._text(rest, indent, depth)
            else:
                found[key] = self._below(indent, depth)
        self._refuse_deeper(indent)
        return found

    def _below(self, indent: int, depth: int) -> Value:
        line = self.here
        # A list may stand at the indentation of its key.
        same = line is not None and line.indent == indent and f"{line.text} ".startswith("- ")
        return self.node(indent if same else indent + 1, depth + 1)

    def _refuse_deeper(self, indent: int) -> None:
        if (line := self.here) is not None and line.indent > indent:
            raise YamlError(f"unexpected: {line.text}")

    def _text(self, rest: str, indent: int, depth: int) -> Value:
        if _BLOCK.match(rest):
            return self._block(indent, folded=rest[0] == ">")
        if rest[0] in "[{":
            while not _closed(rest):
                line = self.here
                if line is None or len(rest) > _LONGEST:
                    raise YamlError("a bracket is not closed")
                rest += " " + line.text
                self._at += 1
            return _Flow(rest).value(depth)
        while rest[0] not in "\"'" and (line := self.here) is not None and line.indent > indent:
            rest += " " + line.text
            self._at += 1
        return _scalar(rest)

    def _block(self, indent: int, *, folded: bool) -> str:
        lines: list[str] = []
        while self._at < len(self._raw):
            line = self._raw[self._at]
            if line.strip() and len(line) - len(line.lstrip()) <= indent:
                break
            lines.append(line)
            self._at += 1
        margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        return (" " if folded else "\n").join(line[margin:] for line in lines).strip() + "\n"


class _Flow:
    """Reads `[a, {b: c}]`."""

    def __init__(self, text: str) -> None:
        self._tokens = re.findall(
            r"""[\[\]{},]|"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|:(?=\s)|[^\s\[\]{},][^\[\]{},]*?(?=\s*(?:[\[\]{},]|:\s|$))""",
            text,
        )
        self._at = 0

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise YamlError("a bracket is not closed")
        self._at += 1
        return str(self._tokens[self._at - 1])

    def value(self, depth: int) -> Value:
        if depth > _DEEPEST:
            raise YamlError("it is nested too deeply")
        token = self._next()
        if token == "[":
            return self._list(depth)
        if token == "{":
            return self._mapping(depth)
        if token in ("]", "}", ",", ":"):
            raise YamlError(f"unexpected: {token}")
        return _scalar(token)

    def _list(self, depth: int) -> list[Value]:
        items: list[Value] = []
        while self._peek() != "]":
            items.append(self.value(depth + 1))
            if self._peek() == ",":
                self._next()
        self._next()
        return items

    def _mapping(self, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while self._peek() != "}":
            key = _unquoted(self._next())
            found[key] = None
            if self._peek() == ":":
                self._next()
                found[key] = self.value(depth + 1)
            if self._peek() == ",":
                self._next()
        self._next()
        return found

    def _peek(self) -> str:
        if self._at >= len(self._tokens):
            raise YamlError("a bracket is not closed")
        return str(self._tokens[self._at])


def _is_mark(rest: str) -> bool:
    """Tell whether this names an anchor or type of what follows on further lines."""
    return re.fullmatch(r"[&!]\S*", rest) is not None


def _closed(text: str) -> bool:
    bare = re.sub(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'""", "", text)
    return sum(map(bare.count, "[{")) <= sum(map(bare.count, "]}"))


def _scalar(text: str) -> Value:
    text = re.sub(r"^[&!]\S+\s+", "", text)
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    return _unquoted(text)


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text[1:-1])
    return text


def _uncommented(line: str) -> str:
    """Return a line without its comment."""
    quote = ""
    for place, one in enumerate(line):
        if quote:
            quote = "" if one == quote else quote
        elif one in "\"'" and (place == 0 or line[place - 1] in " [{,:"):
            quote = one
        elif one == "#" and (place == 0 or line[place - 1] == " "):
            return line[:place]
    return line
