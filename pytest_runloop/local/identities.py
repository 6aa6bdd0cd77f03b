"""Whom a build step runs as."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field

from .descriptors import READ
from .engine.protocol import Box
from .errors import ENGINE_ERRORS
from .setup import SetupError


@dataclass(frozen=True, slots=True)
class Identity:
    """A user and group.

    :param prefix: what goes before a command that is to run as this user.
    """

    prefix: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


async def identity(box: Box, user: str) -> Identity:
    """Return the identity that USER names, in a box where commands act as root.

    :param user: `NAME[:GROUP]` by name or number; empty for root.
    :raises SetupError: if the box has no such user or group.
    """
    name, _, group = user.partition(":")
    entry = await _entry(box, "/etc/passwd", name or "root")
    if entry is None and not name.isdigit():
        raise SetupError(f"there is no user `{name}`: make it before, as with `RUN useradd {name}`")
    uid, gid = (entry[2], entry[3]) if entry else (name, "0")
    if group and not group.isdigit():
        if (found := await _entry(box, "/etc/group", group)) is None:
            raise SetupError(f"there is no group `{group}`: make it before, as with `RUN groupadd {group}`")
        group = found[2]
    known = {"HOME": entry[5], "USER": entry[0], "LOGNAME": entry[0]} if entry else {"HOME": "/"}
    if uid == "0" and group in ("", "0"):
        return Identity((), known)
    groups = "--init-groups" if entry and not group else "--clear-groups"
    return Identity(("setpriv", "--reuid", uid, "--regid", group or gid, groups, "--"), known)


async def _entry(box: Box, path: str, wanted: str) -> list[str] | None:
    """Return the fields of the line with this name or number."""
    for line in (await _read(box, path)).splitlines():
        fields = line.split(":")
        if len(fields) > 2 and wanted in (fields[0], fields[2]):
            return [*fields, *[""] * (7 - len(fields))]
    return None


async def _read(box: Box, path: str) -> str:
    try:
        descriptor = await box.open(path, READ)
    except ENGINE_ERRORS:
        return ""
    return await asyncio.to_thread(_all_of, descriptor)


def _all_of(descriptor: int) -> str:
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        return file.read()
