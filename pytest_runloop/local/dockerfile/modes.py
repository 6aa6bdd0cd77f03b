"""The values of `--chmod`: octal, or symbolic as `u=rwX,go=rX`."""

from __future__ import annotations

import re

from .errors import DockerfileError

_OCTAL = re.compile(r"[0-7]{1,5}")
_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)")
_CHANGE = re.compile(r"([-+=])([rwxXstugo]*)")
_PLACES = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}
_SPECIAL = {"u": 0o4000, "g": 0o2000}


def check_mode(text: str) -> str:
    """Return the text.

    :raises DockerfileError: if it is no mode.
    """
    if _OCTAL.fullmatch(text) and int(text, 8) <= 0o7777:
        return text
    if all(_CLAUSE.fullmatch(clause) for clause in text.split(",")):
        return text
    raise DockerfileError(f"`{text}` is no file mode", expected="an octal number up to 7777, or u=rwX,go=rX")


def apply_mode(text: str, current: int, *, directory: bool = False) -> int:
    """Return the permission bits that a file has after `chmod`.

    :param text: a value that `check_mode` accepts.
    :param current: the bits before.
    :param directory: whether it is a directory, to which `X` gives the right to enter.
    """
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    mode = current
    for clause in text.split(","):
        match = _CLAUSE.fullmatch(clause)
        assert match is not None, "checked before"
        who = "ugo" if not match[1] or "a" in match[1] else match[1]
        for operator, letters in _CHANGE.findall(match[2]):
            mode = _changed(
                mode, who, operator, _bits(letters, mode, directory), "s" in letters, "t" in letters
            )
    return mode


def _bits(letters: str, mode: int, directory: bool) -> int:
    """Return the three bits that the letters stand for; `u`, `g`, `o` copy what that one has."""
    bits = 0
    for letter in letters:
        if letter in _PLACES:
            bits |= mode >> _PLACES[letter] & 7
        elif letter == "X":
            bits |= 1 if directory or mode & 0o111 else 0
        else:
            bits |= _BITS.get(letter, 0)
    return bits


def _changed(mode: int, who: str, operator: str, bits: int, set_id: bool, sticky: bool) -> int:
    change = sum(bits << _PLACES[one] for one in set(who))
    if set_id:
        change |= sum(_SPECIAL.get(one, 0) for one in set(who))
    if sticky:
        change |= 0o1000
    if operator == "-":
        return mode & ~change
    if operator == "=":
        mode &= ~sum(7 << _PLACES[one] for one in set(who))
    return mode | change
