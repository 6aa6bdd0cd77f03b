"""What a container engine says of an image.

A command of docker takes a good part of a build of which nothing is left to do. So its daemon is asked
itself, where the command says that it listens at a socket of this machine. Nothing of an answer is kept:
another image may have the name a moment later.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .container_cli import CliError, ContainerCli

_ABSENT = ("no such image", "image not known", "no such object", "unable to find")
"""What engines say of an image that they do not have."""
_LOOK = 30.0
"""Seconds that an answer may take."""
_SCHEME = "unix://"


class _NoAnswerError(Exception):
    """The socket gave no answer that tells anything. The command may say why."""


class ImageViews:
    """Asks for images, of docker over its socket once that is known."""

    def __init__(self) -> None:
        self._sockets: dict[tuple[object, ...], str] = {}

    async def get(self, cli: ContainerCli, reference: str) -> Mapping[str, Any] | None:
        """Return what an engine has under a name, if it has anything.

        :raises CliError: if it does not say.
        """
        known = _configuration(cli)
        if path := self._sockets.get(known):
            try:
                return await _asked(path, reference)
            except _NoAnswerError:
                del self._sockets[known]
        view = await _inspected(cli, reference)
        if view is not None and known not in self._sockets:
            self._sockets[known] = await _socket_of(cli)
        return view


def _configuration(cli: ContainerCli) -> tuple[object, ...]:
    """Return what tells whether the program would still ask the same daemon."""
    directory = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    return (cli.program, *_states([directory / "config.json", *directory.glob("contexts/meta/*/meta.json")]))


def _states(files: list[Path]) -> Iterator[tuple[object, ...]]:
    for file in sorted(files):
        try:
            status = file.stat()
        except OSError:
            continue
        yield str(file), status.st_ino, status.st_mtime_ns, status.st_size


async def _inspected(cli: ContainerCli, reference: str) -> Mapping[str, Any] | None:
    try:
        (view,) = json.loads(await cli.run("inspect", "--type=image", reference, seconds=_LOOK))
    except CliError as error:
        if any(words in str(error).lower() for words in _ABSENT):
            return None
        raise
    found: Mapping[str, Any] = view
    return found


async def _socket_of(cli: ContainerCli) -> str:
    """Return the path of the socket that the program asks; empty if it asks in another way."""
    try:
        host = await cli.run("context", "inspect", "--format={{.Endpoints.docker.Host}}", seconds=_LOOK)
    except CliError:  # podman has none, nor has what is only called docker.
        return ""
    return host.strip().removeprefix(_SCHEME) if host.startswith(_SCHEME) else ""


async def _asked(path: str, reference: str) -> Mapping[str, Any] | None:
    try:
        async with asyncio.timeout(_LOOK):
            answer = await _fetched(path, f"/images/{quote(reference, safe='/:@')}/json")
        head, _, body = answer.partition(b"\r\n\r\n")
        status = head.split(None, 2)[1]
        if status == b"404":
            return None
        view = json.loads(body)
    except (OSError, TimeoutError, ValueError, IndexError) as error:
        raise _NoAnswerError from error
    if status != b"200" or "Id" not in view:
        raise _NoAnswerError
    found: Mapping[str, Any] = view
    return found


async def _fetched(path: str, place: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        # By the oldest version: the answer ends with the connection, and comes in one piece.
        writer.write(f"GET {place} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
        return await reader.read()
    finally:
        writer.close()
