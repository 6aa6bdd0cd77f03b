"""Dockerfile text to instructions: lines, directives, flags, argument forms and heredocs.

Variables are left alone; see `expansion`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...contract.nearest import nearest
from .errors import DockerfileError
from .forms import FORMS, SPACES
from .words import split_words, take_flags, unquote


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A document written inside the Dockerfile.

    :param delimiter: the word that ends it, without quotes.
    :param body: the lines as written, each with its newline.
    :param expand: whether variables are replaced in it (in COPY and ADD only).
    :param strip_tabs: written `<<-`: tabs at the beginning of lines go.
    """

    delimiter: str
    body: str
    expand: bool = True
    strip_tabs: bool = False

    @property
    def text(self) -> str:
        """The document as its reader gets it."""
        return re.sub(r"^\t+", "", self.body, flags=re.MULTILINE) if self.strip_tabs else self.body


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    :param name: in capitals.
    :param arguments: words, or one text for shell forms, or name, value, name, value … for ENV and LABEL.
    :param line, end_line: numbers of the first and last line, from 1.
    :param shown: the first line, for messages.
    :param text: the instruction on one line without comments and documents, for logs.
    :param flags: name and value in the order written; a boolean flag has `true` or `false`.
    :param exec_form: the arguments were a JSON list.
    :param heredocs: in the order in which they are named.
    :param trigger: for ONBUILD, the instruction that is kept for later.
    """

    name: str
    arguments: tuple[str, ...]
    line: int
    end_line: int
    shown: str
    text: str
    flags: tuple[tuple[str, str], ...] = ()
    exec_form: bool = False
    heredocs: tuple[Heredoc, ...] = ()
    trigger: Instruction | None = None

    def flag(self, name: str) -> str | None:
        """Return the value of a flag that may be given once, or `None`."""
        return next(iter(self.flag_values(name)), None)

    def flag_values(self, name: str) -> tuple[str, ...]:
        """Return all values of a flag."""
        return tuple(value for key, value in self.flags if key == name)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the names and values of ENV and LABEL."""
        return list(zip(self.arguments[::2], self.arguments[1::2], strict=True))

    def source(self) -> str:
        """Return the instruction as text that parses to the same again."""
        return "\n".join([self.text, *(f"{document.body}{document.delimiter}" for document in self.heredocs)])

    def error(self, what: str, expected: str = "") -> DockerfileError:
        """Return an error that shows this instruction."""
        return DockerfileError(what, line=self.line, shown=self.shown, expected=expected)


@dataclass(frozen=True, slots=True)
class Dockerfile:
    r"""A parsed Dockerfile.

    :param escape: the escape token, `\` or a backtick.
    :param directives: parser directives by lower-case name: `syntax`, `escape`, `check`.
    :param unfinished: the text ends in the middle of a continued line.
    """

    instructions: tuple[Instruction, ...]
    escape: str = "\\"
    directives: Mapping[str, str] = field(default_factory=dict)
    unfinished: bool = False


def parse(text: str) -> Dockerfile:
    """Parse a Dockerfile.

    :raises DockerfileError: with the line, what is wrong there and what is expected.
    """
    return _Parser(text).parse()


_DIRECTIVES = frozenset({"syntax", "escape", "check"})
_DIRECTIVE = re.compile(r"\s*#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_HEREDOC = re.compile(r"\d*<<(-?)\s*([^<]+)", re.DOTALL)
_NEVER_KEPT = frozenset({"ONBUILD", "FROM", "MAINTAINER"})


class _Parser:
    """Walks over the lines once."""

    def __init__(self, text: str) -> None:
        lines = text.removeprefix("\ufeff").split("\n")
        self._lines = lines[:-1] if lines[-1] == "" else lines
        self._next = 0
        self._escape = "\\"
        self._unfinished = False

    def parse(self) -> Dockerfile:
        self._refuse_nul()
        directives = self._directives()
        instructions: list[Instruction] = []
        while self._next < len(self._lines):
            if _is_filler(self._lines[self._next]):
                self._next += 1
            else:
                instructions.append(self._instruction())
        return Dockerfile(tuple(instructions), self._escape, directives, self._unfinished)

    def _refuse_nul(self) -> None:
        for number, line in enumerate(self._lines, 1):
            if "\0" in line:
                raise DockerfileError("the line holds a NUL character, which no command can", line=number)

    def _directives(self) -> dict[str, str]:
        """Read `# name=value` lines until the first line that is something else."""
        found: dict[str, str] = {}
        for number, line in enumerate(self._lines, 1):
            match = _DIRECTIVE.fullmatch(line)
            if not match or match[1].lower() not in _DIRECTIVES:
                break
            name = match[1].lower()
            if name in found:
                what = f"the directive `{name}` is given twice"
                raise DockerfileError(what, line=number, shown=line.strip())
            found[name] = match[2]
            self._take_directive(name, match[2], number, line.strip())
        return found

    def _take_directive(self, name: str, value: str, number: int, shown: str) -> None:
        if name != "escape":
            return
        if value not in ("\\", "`"):
            what = f"`{value}` cannot be the escape character"
            raise DockerfileError(what, line=number, shown=shown, expected="\\ or `")
        self._escape = value

    def _instruction(self) -> Instruction:
        line, shown = self._next + 1, self._lines[self._next].strip()
        text = self._logical_line().strip()
        try:
            return self._parsed(text, line, shown)
        except DockerfileError as error:
            raise error.at(line, shown) from None

    def _logical_line(self) -> str:
        """Join a line with those that it is continued on. Comments and empty lines between are left out."""
        parts: list[str] = []
        while self._next < len(self._lines):
            line = self._lines[self._next].removesuffix("\r")
            self._next += 1
            if parts and _is_filler(line):
                continue
            part, self._unfinished = self._continued(line)
            parts.append(part)
            if not self._unfinished:
                break
        return "".join(parts)

    def _continued(self, line: str) -> tuple[str, bool]:
        stripped = line.rstrip("\t ")
        if not stripped.endswith(self._escape) or stripped.endswith(self._escape * 2):
            return line, False
        return stripped[:-1], True

    def _parsed(self, text: str, line: int, shown: str) -> Instruction:
        word, _, rest = SPACES.sub(" ", text, count=1).partition(" ")
        name = word.upper()
        form = FORMS.get(name)
        if form is None:
            hint = nearest(name, FORMS)
            expected = "" if hint else f"one of {', '.join(FORMS)}"
            raise DockerfileError(f"unknown instruction `{word}`{hint}", expected=expected)
        # The flags of a trigger are its own.
        flags, value = ([], rest.strip()) if name == "ONBUILD" else take_flags(rest, self._escape)
        try:
            pairs = form.flag_pairs(name, flags)
            parsed = form.arguments(name, value, self._escape)
        except DockerfileError as error:
            raise DockerfileError(error.what, expected=error.expected or form.usage) from None
        trigger = self._trigger(value, line, shown) if name == "ONBUILD" else None
        documents = self._heredocs(value) if form.heredocs and not parsed.exec_form else ()
        return Instruction(
            name=name,
            arguments=parsed.arguments,
            line=line,
            end_line=self._next,
            shown=shown,
            text=text,
            flags=pairs,
            exec_form=parsed.exec_form,
            heredocs=documents,
            trigger=trigger,
        )

    def _trigger(self, text: str, line: int, shown: str) -> Instruction:
        if text.split(maxsplit=1)[0].upper() in _NEVER_KEPT:
            raise DockerfileError(
                f"`{text.split()[0]}` cannot be kept for later", expected="another instruction"
            )
        return self._parsed(text, line, shown)

    def _heredocs(self, text: str) -> tuple[Heredoc, ...]:
        if "<<" not in text:
            return ()
        # The delimiter follows the shell's rules, so `\` escapes there whatever the directive says.
        matches = [_HEREDOC.fullmatch(word) for word in split_words(text, "\\")]
        return tuple(self._heredoc(match[1] == "-", match[2]) for match in matches if match)

    def _heredoc(self, strip_tabs: bool, word: str) -> Heredoc:
        delimiter = unquote(word, "\\")
        body: list[str] = []
        while self._next < len(self._lines):
            line = self._lines[self._next]
            self._next += 1
            ending = line.removesuffix("\r")
            if (ending.lstrip("\t") if strip_tabs else ending) == delimiter:
                return Heredoc(delimiter, "".join(body), delimiter == word, strip_tabs)
            body.append(line + "\n")
        expected = (
            f"a line that is `{delimiter}` and nothing else (or quotes around `<<`, if it is the shell's)"
        )
        raise DockerfileError(f"the document `<<{word}` does not end", expected=expected)


def _is_filler(line: str) -> bool:
    stripped = line.strip()
    return not stripped or stripped.startswith("#")
