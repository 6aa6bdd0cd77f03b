"""Takes secrets out of what a failed test shows: reports, transcripts, facts, parameters."""

from __future__ import annotations

import binascii
import dataclasses
import fnmatch
import gzip
import io
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...contract.disguises import disguises
from .schema import REDACTED

GUESSED = 8
"""How many characters a value must have that is only taken for a secret because of its name."""
SHORTEST = 4
"""How many characters a value must have that is known to be one. Shorter ones are in any text."""
_UNPACKED = 64 * 1024 * 1024
_NAMES = frozenset(
    {
        *("apikey", "key", "keys", "privatekey", "secretkey", "secret", "secrets", "token", "tokens"),
        *("credential", "credentials", "passphrase", "passwd", "password", "passwords", "pwd"),
    }
)
_LAST_NAMES = frozenset({"auth", "authorization", "bearer", "cookie", "pass", "pw"})
"""Words that mean a secret only at the end of a name: an `auth_mode` is none."""
_NO_VALUES = frozenset({"secret", "secrets"})
"""Keys of create parameters that lead to names of secrets, not to values."""


def looks_secret(name: str) -> bool:
    """Tell whether a variable or key of this name holds something secret, by its words."""
    words = re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower())
    if name in ("PWD", "OLDPWD"):
        return False
    return not _NAMES.isdisjoint(words) or words[-1] in _LAST_NAMES


class Redactor:
    """Knows secrets, and takes them out of texts. It never shows what it knows.

    :param wanted: what the user names: variables (`NAME`, with `*` and `?`), `text:TEXT`, `re:PATTERN`.
    """

    def __init__(self, wanted: Sequence[str] = ()) -> None:
        self._names = [item for item in wanted if not item.startswith(("text:", "re:"))]
        self._patterns = [re.compile(item[3:]) for item in wanted if item.startswith("re:")]
        self._known: set[str] = set()
        self._forms: list[str] = []
        self._lock = threading.Lock()
        for item in wanted:
            if item.startswith("text:"):
                self.learn(item[5:])

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._known)} secrets>"

    def hides(self, name: str) -> bool:
        """Tell whether the value of this name is secret, as it looks or as the user says."""
        return looks_secret(name) or self.named(name)

    def named(self, name: str) -> bool:
        """Tell whether the user says that the variables of this name are secret."""
        return any(fnmatch.fnmatchcase(name, wanted) for wanted in self._names)

    def learn(self, value: str, *, least: int = SHORTEST) -> None:
        """Take a value for a secret from now on.

        :param least: leave it, if it has fewer characters.
        """
        with self._lock:
            if len(value) < least or value in self._known:
                return
            self._known.add(value)
            self._forms = sorted({*self._forms, *_forms(value)}, key=len, reverse=True)

    def learn_environment(self, variables: Mapping[str, str], *, least: int = GUESSED) -> None:
        """Learn the values of variables whose names look secret, or are named by the user.

        A path that exists is where a secret lies, and no secret.
        """
        for name, value in variables.items():
            if self.named(name):
                self.learn(value)
            elif looks_secret(name) and not (value.startswith("/") and _exists(value)):
                self.learn(value, least=least)

    def learn_parameters(self, params: Mapping[str, Any]) -> None:
        """Learn the values in create parameters whose keys look secret."""
        for place, value in _leaves(params):
            if isinstance(value, str) and self._hidden_at(place):
                self.learn(value, least=SHORTEST if self.named(place[-1]) else GUESSED)

    def text(self, text: str, *, cut: bool = False) -> str:
        """Return a text without secrets.

        :param cut: whether the text's beginning is missing, so that it may begin in the middle of a secret.
        """
        if not text:
            return text
        forms = self._forms
        if cut:
            text = _without_torn(text, forms)
        for form in forms:  # the longest first; one look for each is far quicker than one for all
            if form in text:
                text = text.replace(form, REDACTED)
        for pattern in self._patterns:
            text = pattern.sub(REDACTED, text)
        return text

    def shown(self, text: str) -> str:
        """Return a text without secrets in which pytest may have put `...` in the place of what is long."""
        parts = text.split("...")
        if len(parts) > 1 and self._forms:
            parts[1:] = [_without_torn(part, self._forms) for part in parts[1:]]
            parts[:-1] = [_without_begun(part, self._forms) for part in parts[:-1]]
        return self.text("...".join(parts))

    def optional(self, text: str | None, *, cut: bool = False) -> str | None:
        """Return a text without secrets, or `None`."""
        return None if text is None else self.text(text, cut=cut)

    def content(self, content: bytes) -> bytes | None:
        """Return the bytes of a file without secrets.

        :return: `None` if `gzip` packed them, and there is a secret in them or they cannot be unpacked.
        """
        if content.startswith(b"\x1f\x8b"):
            unpacked = _unpacked(content)
            return content if unpacked is not None and self._clean(unpacked) else None
        text = content.decode("utf-8", "surrogateescape")
        return self.text(text).encode("utf-8", "surrogateescape")

    def everything(self, value: Any) -> Any:
        """Return a structure of dataclasses, lists and mappings in which no text has a secret."""
        if isinstance(value, str):
            return self.shown(value)
        if isinstance(value, Mapping):
            return {self.shown(str(key)): self.everything(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.everything(inner) for inner in value]
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [known.name for known in dataclasses.fields(value)]
            return dataclasses.replace(
                value, **{name: self.everything(getattr(value, name)) for name in names}
            )
        return value

    def parameters(self, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return create parameters without secrets, and the places whose whole value was taken out."""
        hidden: list[str] = []
        made = self._redacted(params, (), hidden)
        return made if isinstance(made, dict) else {}, hidden

    def _redacted(self, value: Any, place: tuple[str, ...], hidden: list[str]) -> Any:
        if isinstance(value, Mapping):
            return {
                str(key): self._redacted(inner, (*place, str(key)), hidden) for key, inner in value.items()
            }
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            return [
                self._redacted(inner, (*place, str(number)), hidden) for number, inner in enumerate(value)
            ]
        if value is None or isinstance(value, bool | int | float):
            return value
        if self._hidden_at(place):
            hidden.append(".".join(place))
            return REDACTED
        return self.text(value if isinstance(value, str) else repr(value))

    def _hidden_at(self, place: tuple[str, ...]) -> bool:
        """Tell whether the value at a place of create parameters is a secret.

        The values of `secrets` are names; names of headers and the like may lead to lists.
        """
        keys = [key for key in place if not key.isdigit()]
        if not keys or keys[0] in _NO_VALUES or keys[-1] in _NO_VALUES:
            return False
        return self.hides(keys[-1])

    def _clean(self, content: bytes) -> bool:
        text = content.decode("utf-8", "surrogateescape")
        return self.text(text) == text


def of_this_process(wanted: Sequence[str] = ()) -> Redactor:
    """Make a redactor that knows the secrets in this process's environment.

    :param wanted: what the user names.
    """
    made = Redactor(wanted)
    made.learn_environment(os.environ)
    return made


def _forms(value: str) -> Iterator[str]:
    """Yield the ways in which a value may stand in a text."""
    yield from disguises(value)
    if "\n" in value:  # tracebacks and logs have it line by line
        lines = [line.strip() for line in value.splitlines()]
        yield from (line for line in lines if len(line) >= GUESSED)


def _overlap(form: str, text: str) -> int:
    """Return with how many of a form's last characters, but not all, a text begins; 0 if that is no sign."""
    for length in range(len(form) - 1, SHORTEST - 1, -1):
        if text.startswith(form[-length:]):
            return length
    return 0


def _without_torn(text: str, forms: Iterable[str]) -> str:
    """Take the end of a secret off a text that begins in the middle of one."""
    torn = max((_overlap(form, text) for form in forms), default=0)
    return REDACTED + text[torn:] if torn else text


def _without_begun(text: str, forms: Iterable[str]) -> str:
    """Take the beginning of a secret off a text that ends in the middle of one."""
    begun = max((_overlap(form[::-1], text[: -len(form) - 1 : -1]) for form in forms), default=0)
    return text[:-begun] + REDACTED if begun else text


def _leaves(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*place, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for number, inner in enumerate(value):
            yield from _leaves(inner, (*place, str(number)))
    else:
        yield place, value


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _unpacked(content: bytes) -> bytes | None:
    try:
        with gzip.open(io.BytesIO(content)) as file:
            unpacked = file.read(_UNPACKED + 1)
    except (OSError, EOFError, binascii.Error, ValueError):
        return None
    return unpacked if len(unpacked) <= _UNPACKED else None


def parse(lines: Iterable[str]) -> tuple[str, ...]:
    """Return what the user names, item by item.

    :param lines: `text:…` and `re:…` take a line each; of names there may be several in a line, with commas.
    :raises ValueError: if one is none of these. Its text does not repeat it.
    """
    items: list[str] = []
    for line in filter(None, map(str.strip, lines)):
        items += [line] if line.startswith(("text:", "re:")) else [part.strip() for part in line.split(",")]
    for item in items:
        if item.startswith("re:"):
            _check_pattern(item[3:])
        elif item.startswith("text:"):
            if len(item) < len("text:") + SHORTEST:
                raise ValueError(f"text: must be followed by {SHORTEST} characters or more")
        elif not re.fullmatch(r"[\w*?]+", item):
            raise ValueError(
                "an item is no name of a variable; give fixed texts as text:TEXT, patterns as re:PATTERN"
            )
    return tuple(items)


def _check_pattern(pattern: str) -> None:
    try:
        matches_nothing = re.compile(pattern).match("") is not None
    except re.error as error:
        raise ValueError(f"a pattern cannot be read: {error.msg}") from None
    if matches_nothing:
        raise ValueError("a pattern matches the empty text, so that it would match everywhere")
