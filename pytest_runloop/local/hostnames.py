"""Names of hosts, as network policies allow them: one name, or all that fit a wildcard in the first label."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path

from .errors import invalid

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_FIRST = r"[a-z0-9_*][a-z0-9_*-]{0,62}"
_NAME = re.compile(rf"(?:{_LABEL}|{_FIRST}(?:\.{_LABEL})+)(?:\.{_LABEL})*")
_LONGEST = 253
"""Characters (the rule of DNS)."""

_HOSTS = Path("/etc/hosts")


def check_hostname(text: str, field: str) -> None:
    """Refuse what can be no host that a policy allows.

    :raises ApiError: 400 naming the field and what belongs there.
    """
    name = normal(text)
    if name == "*":
        raise invalid(f"`{field}`: `*` means every host: use `allow_all` for that")
    if address_of(name) is not None or (_NAME.fullmatch(name) and len(name) <= _LONGEST):
        return
    raise invalid(
        f"`{field}`: `{text}` is no name of a host, as `github.com` is, or `*.github.com` for all below it:"
        f" {_hint(name)}"
    )


def _hint(name: str) -> str:
    if "://" in name:
        return "leave out everything but the host"
    if re.fullmatch(r"[^:/]+:\d+", name):
        return "ports cannot be told apart"
    if "/" in name:
        return "ranges of addresses cannot be given"
    if "*" in name:
        return "a `*` may stand in the first part alone"
    if not name.isascii():
        return "write it as DNS has it, with `xn--`"
    return "it has letters, digits, hyphens and dots"


def normal(name: str) -> str:
    """Return a name as all spellings of it are compared."""
    return name.lower().removesuffix(".")


def fits(name: str, allowed: Iterable[str]) -> bool:
    """Tell whether a name is one of those that are allowed."""
    name = normal(name)
    return any(_fits(name, normal(pattern)) for pattern in allowed)


def _fits(name: str, pattern: str) -> bool:
    if "*" not in pattern:
        return name == pattern
    first, *middle, last = map(re.escape, pattern.split("*"))
    # The first place of each piece is as good as any: without trying others, no pattern takes long.
    expression = f"{first}{''.join(f'(?>.+?{piece})' for piece in middle)}.+{last}"
    return re.fullmatch(expression, name) is not None


def address_of(text: str) -> str | None:
    """Return the address that a text is, as all spellings of it are compared; `None` if it is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def known_here(allowed: Iterable[str], hosts: Path = _HOSTS) -> set[str]:
    """Return the addresses for which this machine's table of hosts has names that are allowed."""
    patterns = list(allowed)
    found = set()
    try:
        lines = hosts.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        if any(fits(name, patterns) for name in names) and (key := address_of(address)) is not None:
            found.add(key)
    return found
