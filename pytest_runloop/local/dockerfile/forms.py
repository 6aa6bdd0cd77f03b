"""What may follow each instruction: the form of its arguments and its flags."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from ...contract.nearest import nearest
from .errors import DockerfileError
from .words import split_words

SPACES = re.compile("[\t\v\f\r ]+")


@dataclass(frozen=True, slots=True)
class Parsed:
    """The arguments of an instruction.

    :param exec_form: they were a JSON list.
    """

    arguments: tuple[str, ...]
    exec_form: bool = False


ArgumentParser = Callable[[str, str], Parsed]
"""Takes the text after the flags and the escape token."""


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one instruction.

    :param parse: reads the arguments.
    :param usage: how to write it, for messages.
    :param flags: the flags that it knows.
    :param heredocs: whether documents may follow.
    :param may_be_empty: whether the empty list `[]` is an argument.
    """

    parse: ArgumentParser
    usage: str
    flags: frozenset[str] = frozenset()
    heredocs: bool = False
    may_be_empty: bool = False

    def arguments(self, name: str, text: str, escape: str) -> Parsed:
        """Read the arguments.

        :raises DockerfileError: if they do not have the form.
        """
        parsed = self.parse(text, escape)
        if not parsed.arguments and not (parsed.exec_form and self.may_be_empty):
            raise DockerfileError(f"{name} needs an argument")
        return parsed

    def flag_pairs(self, name: str, words: list[str]) -> tuple[tuple[str, str], ...]:
        """Read the flags.

        :raises DockerfileError: if one is unknown, has no value, or is given twice where once is allowed.
        """
        pairs: list[tuple[str, str]] = []
        for word in words:
            flag, value = self._flag(name, word)
            if flag not in _REPEATABLE and any(flag == other for other, _ in pairs):
                raise DockerfileError(f"the flag `--{flag}` is given twice")
            pairs.append((flag, value))
        return tuple(pairs)

    def _flag(self, name: str, word: str) -> tuple[str, str]:
        flag, equals, value = word.removeprefix("--").partition("=")
        if flag not in self.flags:
            raise DockerfileError(f"{name} has no flag `--{flag}`{nearest(flag, self.flags)}")
        if flag in _BOOLEAN:
            return flag, _boolean(flag, value if equals else "true")
        if not value:
            raise DockerfileError(f"the flag `--{flag}` has no value", expected=f"--{flag}=VALUE")
        return flag, value


def _boolean(flag: str, value: str) -> str:
    if value.lower() not in {"true", "false"}:
        what = f"`--{flag}={value}` is neither true nor false"
        raise DockerfileError(what, expected=f"--{flag}, --{flag}=true or --{flag}=false")
    return value.lower()


def _whole(text: str, _escape: str) -> Parsed:
    return Parsed((text,) if text else ())


def _list(text: str, _escape: str) -> Parsed:
    return Parsed(tuple(SPACES.split(text)) if text else ())


def _words(text: str, escape: str) -> Parsed:
    return Parsed(tuple(split_words(text, escape)))


def _json_strings(text: str) -> tuple[str, ...] | None:
    """Return the strings of a JSON list; `None` if the text is none, and so belongs to a shell."""
    if not text.startswith("["):
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(value, str) for value in values):
        raise DockerfileError(
            "a list in JSON form may hold only strings", expected='["PROGRAM", "ARGUMENT", …]'
        )
    if any("\0" in value or not _is_text(value) for value in values):
        raise DockerfileError("an argument is no text that a program can be given")
    return tuple(values)


def _is_text(value: str) -> bool:
    # JSON can write half of a surrogate pair, which no encoding has.
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _json_or(other: ArgumentParser) -> ArgumentParser:
    def form(text: str, escape: str) -> Parsed:
        values = _json_strings(text)
        return other(text, escape) if values is None else Parsed(values, exec_form=True)

    return form


def _json_only(text: str, _escape: str) -> Parsed:
    values = _json_strings(text)
    if not values:
        raise DockerfileError("the shell is not given as a list in JSON form")
    return Parsed(values, exec_form=True)


def _pairs(text: str, escape: str) -> Parsed:
    words = split_words(text, escape)
    if words and "=" not in words[0]:
        # The old form, `ENV NAME all the rest`: one variable a line.
        name, *value = SPACES.split(text, maxsplit=1)
        if not value:
            raise DockerfileError(f"`{name}` has no value")
        return Parsed((name, value[0]))
    for word in words:
        if "=" not in word:
            raise DockerfileError(f"`{word}` has no `=`")
    return Parsed(tuple(part for word in words for part in word.split("=", 1)))


def _health(text: str, escape: str) -> Parsed:
    kind, *command = SPACES.split(text, maxsplit=1)
    if kind.upper() == "NONE" and not command:
        return Parsed(("NONE",))
    if kind.upper() != "CMD" or not command:
        raise DockerfileError(f"`{text}` is no health check")
    parsed = _json_or(_whole)(command[0], escape)
    return Parsed(("CMD", *parsed.arguments), parsed.exec_form)


_BOOLEAN = frozenset({"link", "parents", "keep-git-dir", "unpack"})
_REPEATABLE = frozenset({"mount", "exclude", "device"})
_COPYING = frozenset({"chown", "chmod", "link", "exclude"})

FORMS = {
    "ADD": Form(
        _json_or(_list),
        'ADD [--chown=…] [--chmod=…] SOURCE … DESTINATION, or ["SOURCE", …, "DESTINATION"]',
        _COPYING | {"checksum", "keep-git-dir", "unpack"},
        heredocs=True,
    ),
    "ARG": Form(_words, "ARG NAME[=DEFAULT] …"),
    "CMD": Form(_json_or(_whole), 'CMD ["PROGRAM", "ARGUMENT", …] or CMD COMMAND', may_be_empty=True),
    "COPY": Form(
        _json_or(_list),
        'COPY [--from=…] [--chown=…] [--chmod=…] SOURCE … DESTINATION, or ["SOURCE", …, "DESTINATION"]',
        _COPYING | {"from", "parents"},
        heredocs=True,
    ),
    "ENTRYPOINT": Form(
        _json_or(_whole), 'ENTRYPOINT ["PROGRAM", "ARGUMENT", …] or ENTRYPOINT COMMAND', may_be_empty=True
    ),
    "ENV": Form(_pairs, "ENV NAME=VALUE …"),
    "EXPOSE": Form(_list, "EXPOSE PORT[/PROTOCOL] …"),
    "FROM": Form(_list, "FROM [--platform=…] IMAGE [AS NAME]", frozenset({"platform"})),
    "HEALTHCHECK": Form(
        _health,
        "HEALTHCHECK [--interval=…] [--timeout=…] [--retries=…] CMD COMMAND, or HEALTHCHECK NONE",
        frozenset({"interval", "timeout", "start-period", "start-interval", "retries"}),
    ),
    "LABEL": Form(_pairs, "LABEL KEY=VALUE …"),
    "MAINTAINER": Form(_whole, "MAINTAINER NAME"),
    "ONBUILD": Form(_whole, "ONBUILD INSTRUCTION"),
    "RUN": Form(
        _json_or(_whole),
        'RUN [--mount=…] COMMAND, or RUN ["PROGRAM", "ARGUMENT", …]',
        frozenset({"mount", "network", "security", "device"}),
        heredocs=True,
    ),
    "SHELL": Form(_json_only, 'SHELL ["PROGRAM", "ARGUMENT", …]'),
    "STOPSIGNAL": Form(_whole, "STOPSIGNAL SIGNAL"),
    "USER": Form(_whole, "USER NAME[:GROUP]"),
    "VOLUME": Form(_json_or(_list), 'VOLUME PATH …, or ["PATH", …]'),
    "WORKDIR": Form(_whole, "WORKDIR PATH"),
}
"""All instructions, by name."""
