"""Variables in a Dockerfile's words, as Docker replaces them.

`$x ${x} ${x:-d} ${x-d} ${x:+d} ${x+d} ${x:?m} ${x?m} ${x#p} ${x##p} ${x%p} ${x%%p} ${x/p/r} ${x//p/r}`.
Patterns know `*` and `?`. Variables that are not set are empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import DockerfileError

_NAME = re.compile(r"[0-9]+|[@*#?\-$!]|\w+", re.ASCII)
_UNTIL_SPECIAL = r"[^'\"$%s%s]+"
_MAX_DEPTH = 50


def expand(word: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """Replace variables, and take quotes and escapes away.

    :param variables: the values; what is missing is empty.
    :param escape: the escape token.
    :raises DockerfileError: at a quote or brace without its partner, and where `${x:?m}` says so.
    """
    return _Reader(word, variables, escape).all()


def expand_document(text: str, variables: Mapping[str, str]) -> str:
    r"""Replace variables in a heredoc of COPY or ADD: quotes stay, `\` escapes whatever follows."""
    return _Reader(text, variables, "\\", quotes=False).all()


class _Reader:
    def __init__(self, text: str, variables: Mapping[str, str], escape: str, *, quotes: bool = True) -> None:
        self._text = text
        self._variables = variables
        self._escape = escape
        self._quotes = quotes
        self._position = 0
        self._depth = 0

    def all(self) -> str:
        return self._until("")

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _take(self) -> str:
        character = self._peek()
        self._position += 1
        return character

    def _until(self, stop: str, *, keep_escapes: bool = False) -> str:
        """Read up to a character outside quotes (and beyond it), or with no character to the end."""
        plain = re.compile(_UNTIL_SPECIAL % (re.escape(self._escape), re.escape(stop)))
        parts: list[str] = []
        while character := self._peek():
            if match := plain.match(self._text, self._position):
                self._position = match.end()
                parts.append(match.group())
                continue
            self._position += 1
            if character == stop:
                return "".join(parts)
            parts.append(self._special(character, keep_escapes))
        if stop:
            raise DockerfileError(f"`{self._text}` lacks `{stop}`")
        return "".join(parts)

    def _special(self, character: str, keep_escapes: bool) -> str:
        if character == "$":
            return self._variable()
        if character == self._escape:
            return (character if keep_escapes else "") + self._take()
        if not self._quotes:
            return character
        return self._single() if character == "'" else self._double()

    def _single(self) -> str:
        end = self._text.find("'", self._position)
        if end < 0:
            raise DockerfileError(f"`{self._text}` lacks the closing single quote")
        quoted, self._position = self._text[self._position : end], end + 1
        return quoted

    def _double(self) -> str:
        parts: list[str] = []
        while character := self._take():
            if character == '"':
                return "".join(parts)
            if character == "$":
                parts.append(self._variable())
            elif character == self._escape and self._peek() and self._peek() in f'"${self._escape}':
                parts.append(self._take())
            else:
                parts.append(character)
        raise DockerfileError(f"`{self._text}` lacks the closing double quote")

    def _variable(self) -> str:
        if self._peek() != "{":
            return self._variables.get(name, "") if (name := self._name()) else "$"
        self._position += 1
        name = self._name()
        if not name:
            raise DockerfileError(f"`{self._text}` has no name in `${{…}}`", expected="${NAME}")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise DockerfileError(f"variables are nested more than {_MAX_DEPTH} deep")
        value = self._braced(name)
        self._depth -= 1
        return value

    def _name(self) -> str:
        match = _NAME.match(self._text, self._position)
        if not match:
            return ""
        self._position = match.end()
        return match.group()

    def _braced(self, name: str) -> str:
        operator = self._take()
        if operator == "}":
            return self._variables.get(name, "")
        colon = operator == ":"
        if colon:
            operator = self._take()
        if operator and operator in "-+?":
            return self._default(name, operator, colon)
        if operator and operator in "#%" and not colon:
            return self._trimmed(name, operator)
        if operator == "/" and not colon:
            return self._replaced(name)
        written = f"${{{name}{':' if colon else ''}{operator}"
        raise DockerfileError(
            f"`{written}` is no substitution", expected="${x}, ${x:-d}, ${x:+d}, ${x#p}, ${x%p}"
        )

    def _default(self, name: str, operator: str, colon: bool) -> str:
        word = self._until("}")
        value = self._variables.get(name)
        missing = value is None or (colon and not value)
        if operator == "+":
            return "" if missing else word
        if not missing:
            return value or ""
        if operator == "?":
            raise DockerfileError(f"{name}: {word or ('must be set' + ' and not empty' * colon)}")
        return word

    def _trimmed(self, name: str, side: str) -> str:
        pattern = self._until("}", keep_escapes=True)
        longest = pattern.startswith(side)
        glob = _glob(pattern.removeprefix(side))
        value = self._variables.get(name, "")
        cuts = range(len(value) + 1)
        # A long match at the end is one that begins early.
        for cut in reversed(cuts) if longest == (side == "#") else cuts:
            if glob.fullmatch(value[:cut] if side == "#" else value[cut:]):
                return value[cut:] if side == "#" else value[:cut]
        return value

    def _replaced(self, name: str) -> str:
        every = self._peek() == "/"
        self._position += every
        pattern = self._until("/", keep_escapes=True)
        replacement = self._until("}")
        value = self._variables.get(name, "")
        return _glob(pattern).sub(lambda _: replacement, value, count=0 if every else 1) if pattern else value


def _glob(pattern: str) -> re.Pattern[str]:
    """Translate `*`, `?` and escapes. Brackets mean themselves, as in Docker."""
    segments = [""]
    for part in re.findall(r"\\.|\*+|.", pattern, re.DOTALL):
        if part[0] == "*":
            segments.append("")
        else:
            segments[-1] += "." if part == "?" else re.escape(part[1:] or part)
    first, *rest = segments
    if not rest:
        return re.compile(first, re.DOTALL)
    # Between two stars the earliest match is as good as any, so there is no need to come back to it.
    middle = "".join(f"(?>.*?{segment})" for segment in rest[:-1])
    return re.compile(f"{first}{middle}.*{rest[-1]}", re.DOTALL)
