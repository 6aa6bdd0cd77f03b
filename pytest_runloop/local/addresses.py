"""Where repositories are: what an owner and a name, as the API has them, mean on this machine.

`{base}/{owner}/{name}.git`, where the base is https://github.com unless the server is told another one. The
owner may be a base of its own, and the name a whole address: https, ssh, git, file, or an absolute path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from .errors import invalid

GITHUB = "https://github.com"

_SCHEMES = ("https", "http", "ssh", "git", "file")
_WORD = re.compile(r"(?!-|\.{1,2}\Z)[\w.-]{1,100}", re.ASCII)
_SHELL_ADDRESS = re.compile(r"(?!-)[\w.-]+@(?!-)[\w.-]+:(?!/?-)\S+", re.ASCII)
"""As `git@example.org:team/app.git`."""
_LONGEST = 2048


class AddressError(ValueError):
    """What cannot be the address of a repository; the text is a clause that follows it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a repository is.

    :param url: its address, as git takes it.
    :param name: what a directory with it is called.
    """

    url: str
    name: str


def placed(owner: str, name: str, base: str, fields: tuple[str, str] = ("owner", "name")) -> Place:
    """Return where the repository of an owner and a name is.

    :param base: the address below which owners are.
    :param fields: the parameters that have them, for messages.
    :raises ApiError: 400 if they can be none.
    """
    owner_field, name_field = fields
    if _is_address(name):
        check_address(name, name_field)
        url = name
    else:
        _check_word(name, name_field)
        url = f"{_above(owner, base, owner_field)}/{name}"
        # Git finds `name.git` for `name` in a directory; servers differ.
        if urlsplit(url).scheme not in ("", "file") and not url.endswith(".git"):
            url += ".git"
    directory = re.split("[/:]", url.rstrip("/"))[-1].removesuffix(".git")
    _check_word(directory, name_field)
    return Place(url, directory)


def _above(owner: str, base: str, field: str) -> str:
    if _is_address(owner):
        check_address(owner, field)
        return owner.rstrip("/")
    _check_word(owner, field)
    return f"{base.rstrip('/')}/{owner}"


def check_address(address: str, field: str) -> None:
    """Refuse what can be no address of a repository, and one that holds a password.

    :raises ApiError: 400, naming the field.
    """
    try:
        require_address(address)
    except AddressError as error:
        raise invalid(f"`{field}` {error}") from None


def require_address(address: str) -> None:
    """Refuse what can be no address of a repository, and one that holds a password.

    :raises AddressError: if it is such.
    """
    if len(address) > _LONGEST or any(ord(one) <= 0x20 or one == "\x7f" for one in address):
        raise AddressError(f"is longer than {_LONGEST:,} characters, or has blanks or control characters")
    if address.startswith("/") or _SHELL_ADDRESS.fullmatch(address):
        return
    parts = _parts(address)
    if parts.scheme not in _SCHEMES:
        raise AddressError(
            f"must be an address (`{'://`, `'.join(_SCHEMES)}://`, `user@host:path`) or an absolute path"
        )
    refuse_password(address)
    if parts.scheme != "file" and (not parts.hostname or parts.hostname.startswith("-")):
        raise AddressError("names no server")


def refuse_password(address: str) -> None:
    """Refuse an address with a password or token in it, which would be shown wherever the address is.

    :raises AddressError: if it has one.
    """
    parts = _parts(address)
    if parts.password is not None or (parts.username is not None and parts.scheme in ("http", "https")):
        raise AddressError("has a password or token in it: give that as the token of the mount")


def _parts(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError as error:
        raise AddressError(f"is malformed: {error}") from None


def _is_address(text: str) -> bool:
    return text.startswith("/") or "://" in text or _SHELL_ADDRESS.fullmatch(text) is not None


def _check_word(word: str, field: str) -> None:
    if not _WORD.fullmatch(word):
        shown = word if len(word) <= 100 else f"{word[:100]}…"
        raise invalid(
            f"`{field}`: {shown!r} can be no name: letters, digits, `.`, `_` and `-`, at most 100 of them;"
            " or a whole address"
        )
