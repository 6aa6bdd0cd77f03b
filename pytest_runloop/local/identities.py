"""Whom a build step runs as."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field

from .descriptors import READ
from .engine.protocol import Box, Ids
from .errors import ENGINE_ERRORS
from .setup import SetupError


@dataclass(frozen=True, slots=True)
class Identity:
    """A user and group.

    :param ids: `None` for the box's own user.
    :param environment: what the system knows of the user.
    """

    ids: Ids | None = None
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
        return Identity(None, known)
    further = await _groups(box, entry[0]) if entry and not group else ()
    return Identity(Ids(int(uid), int(group or gid), further), known)


async def _groups(box: Box, name: str) -> tuple[int, ...]:
    """Return the groups that name a user as their member."""
    lines = [line.split(":") for line in (await _read(box, "/etc/group")).splitlines()]
    return tuple(
        int(fields[2])
        for fields in lines
        if len(fields) > 3 and fields[2].isdigit() and name in fields[3].split(",")
    )


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
